//! The plan that the project ships.

use hotline::base::Wall;
use hotline::dialplan::{Origin, load};

use super::{catalog, shipped, show};

#[test]
fn loads_without_a_word() {
    match load(&shipped(), catalog()) {
        Ok((_, warnings)) => assert_eq!(show(&warnings), ""),
        Err(mistakes) => panic!("{}", show(&mistakes)),
    }
}
