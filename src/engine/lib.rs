//! What each interaction does, whatever carried it.
