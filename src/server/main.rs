mod pages;

fn main() {}
