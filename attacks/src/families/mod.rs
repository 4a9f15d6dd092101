//! The attacks, a file for each kind of them.

mod floods;

use crate::attack::Attack;

/// All attacks, in the order of the catalogue.
pub(crate) fn all() -> Vec<Attack> {
    let families: [&[Attack]; 1] = [floods::ATTACKS];
    let mut attacks: Vec<Attack> = families.concat();
    attacks.sort_by_key(|attack| attack.number);
    attacks
}
