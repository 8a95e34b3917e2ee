use super::*;

fn limits(number: &str) -> Limits {
    Limits([number.parse().unwrap(); 4])
}

#[test]
fn what_is_spent_comes_back_the_next_minute() {
    let rates = Rates::new(limits("3"), false);
    let key = rates.key("north", Who::User, "ana");
    let spend = |weight, now| rates.spend(key, Who::User, 3, weight, now);
    assert_eq!(spend(1, 0), Spent::Left(2));
    assert_eq!(spend(2, 10), Spent::Left(0));
    assert_eq!(spend(1, WINDOW - 1), Spent::Over);
    assert!(rates.is_spent(key, 3, WINDOW - 1));
    assert_eq!(spend(1, WINDOW), Spent::Left(2));
}

#[test]
fn what_is_refused_is_not_spent() {
    let rates = Rates::new(limits("3"), false);
    let key = rates.key("north", Who::User, "ana");
    assert_eq!(rates.spend(key, Who::User, 3, 5, 0), Spent::Over);
    assert_eq!(rates.spend(key, Who::User, 3, 3, 0), Spent::Left(0));
}

#[test]
fn all_are_counted_apart() {
    let rates = Rates::new(limits("1"), false);
    let all =
        [("north", Who::User, "a"), ("south", Who::User, "a"), ("north", Who::Client, "a"), ("north", Who::User, "b")];
    for (tenant, who, name) in all {
        assert_eq!(rates.spend(rates.key(tenant, who, name), who, 1, 1, 0), Spent::Left(0));
    }
}

#[test]
fn a_node_among_others_asks_beyond_its_share() {
    let rates = Rates::new(limits("32"), true);
    let key = rates.key("north", Who::User, "ana");
    let spend = || rates.spend(key, Who::User, 32, 1, 0);
    assert_eq!([spend(), spend(), spend()], [Spent::Left(31), Spent::Left(30), Spent::Ask]);
}

#[test]
fn made_up_names_do_not_fill_the_memory() {
    let rates = Rates::new(limits("1"), false);
    for number in 0..PARTS * MOST * 2 {
        rates.spend(rates.key("north", Who::Address, &number.to_string()), Who::Address, 1, 1, 0);
    }
    let counted: usize = rates.parts.iter().map(|it| it.counts.lock().unwrap().of.len()).sum();
    assert_eq!(counted, PARTS * MOST);
    let tenant = rates.key("north", Who::Tenant, "");
    assert_eq!(rates.spend(tenant, Who::Tenant, 1, 1, 0), Spent::Left(0));
    assert_eq!(rates.spend(tenant, Who::Tenant, 1, 1, 0), Spent::Over);
}

#[test]
fn a_minute_ends_in_a_minute_at_the_most() {
    assert_eq!([0, 1, 59_999, 60_000].map(reset), [60, 60, 1, 60]);
}
