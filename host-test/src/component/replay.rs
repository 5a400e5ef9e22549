//! Running recorded exchanges through a component.

use crate::replay::encoding::encode_response;
use crate::replay::record::with_id;
use crate::replay::{NoRecord, Outcomes, Recorded, ReplayOptions};

use super::Meter;

/// Drives `exchanges` in order through a component. There is one instance and nothing but records: of `options` the
/// workers are of no matter.
///
/// # Errors
/// A body that cannot be encoded.
pub fn replay(
    meter: &mut Meter,
    exchanges: Vec<Recorded>,
    options: ReplayOptions,
    mut progress: impl FnMut(),
) -> std::io::Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for Recorded { id, mut exchange } in exchanges {
        exchange.at_ns = exchange.at_ns.or(Some(options.at_ns));
        encode_response(&mut exchange, options.encode)?;
        let account = meter.exchange(&exchange, options.chunks).map_err(NoRecord::Crashed);
        outcomes.add(account.and_then(|account| with_id(&id, account.json.as_bytes())), id);
        progress();
    }
    Ok(outcomes)
}
