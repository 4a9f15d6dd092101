//! The attacks, a file for each kind of them.

mod answers;
mod bombs;
mod calls;
mod ends;
mod floods;
mod flow;
mod good;
mod headers;
mod lives;
mod messages;
mod openings;
mod requests;
mod resets;
mod servers;
mod slow;
mod sockets;
mod timeouts;
mod trailers;
mod unknown;
mod windows;

use crate::attack::Attack;

/// All attacks, in the order of the catalogue.
pub(crate) fn all() -> Vec<Attack> {
    let families = [
        resets::ATTACKS,
        bombs::ATTACKS,
        windows::ATTACKS,
        floods::ATTACKS,
        headers::ATTACKS,
        ends::ATTACKS,
        flow::ATTACKS,
        good::ATTACKS,
        lives::ATTACKS,
        messages::ATTACKS,
        openings::ATTACKS,
        requests::ATTACKS,
        servers::ATTACKS,
        slow::ATTACKS,
        sockets::ATTACKS,
        timeouts::ATTACKS,
        trailers::ATTACKS,
        unknown::ATTACKS,
    ];
    let mut attacks: Vec<Attack> = families.concat();
    attacks.sort_by_key(|attack| attack.number);
    attacks
}
