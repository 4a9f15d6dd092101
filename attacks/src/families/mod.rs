//! The attacks, a file for each kind of them.

mod calls;
mod ends;
mod floods;
mod headers;
mod resets;
mod windows;

use crate::attack::Attack;

/// All attacks, in the order of the catalogue.
pub(crate) fn all() -> Vec<Attack> {
    let families = [
        resets::ATTACKS,
        windows::ATTACKS,
        floods::ATTACKS,
        headers::ATTACKS,
        ends::ATTACKS,
    ];
    let mut attacks: Vec<Attack> = families.concat();
    attacks.sort_by_key(|attack| attack.number);
    attacks
}
