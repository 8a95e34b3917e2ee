//! Whether a log has come at least to where its head in the directory says.

use super::tables::{self, Log};
use crate::Result;
use crate::audit::{Head, Mac};

/// Whether the head is signed and the log, whose last row has this number, has that row. Where it has not, the head is left as
/// it is, for a verification to find.
pub(crate) async fn agrees(log: &dyn Log, head: Option<&Head>, last: i64) -> Result<bool> {
    let Some(head) = head else { return Ok(last == 0) };
    if !head.is_signed(log.key()) || head.at.row > last {
        return Ok(false);
    }
    Ok(head.at.row == 0 || mac_at(log, head.at.row).await? == Some(head.at.hash))
}

/// The hash of a row; `None` where there is none, or it was dropped and is not the last of its block.
async fn mac_at(log: &dyn Log, number: i64) -> Result<Option<Mac>> {
    let rows = log.rows(tables::rows_from(number, 1)).await?;
    if let Some(row) = rows.first().filter(|it| it.number == number) {
        return Ok(Some(row.mac));
    }
    let blocks = log.blocks(tables::block_of(number)).await?;
    let Some(block) = blocks.first().filter(|it| it.last >= number) else { return Ok(None) };
    if block.last == number {
        return Ok(Some(block.mac));
    }
    let rows = block.rows(log.key()).unwrap_or_default();
    Ok(rows.iter().find(|it| it.number == number).map(|it| it.mac))
}
