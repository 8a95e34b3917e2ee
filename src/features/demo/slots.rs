//! Slots (slot.html): the mornings of every Schedule, taken where an Appointment says so.

use super::{Dates, Resource, text};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The days after today for which slots are open.
const DAYS: std::ops::Range<i64> = 0..3;

/// Start and end of a morning's slots.
const TIMES: [(&str, &str); 4] = [("09:00", "09:30"), ("09:30", "10:00"), ("10:00", "10:30"), ("10:30", "11:00")];

/// The slots of all schedules in `hospital`; those that an Appointment in `records` holds are busy.
pub(super) fn slots(hospital: &[Resource], records: &[Resource], dates: &Dates) -> Vec<Resource> {
    let taken = taken(records);
    let schedules = hospital.iter().filter(|it| text(it, "resourceType") == "Schedule");
    let mut slots = Vec::new();
    for schedule in schedules {
        for after_today in DAYS {
            slots.extend(TIMES.iter().map(|times| slot(schedule, after_today, times, &taken, dates)));
        }
    }
    slots
}

/// References of all slots that appointments hold.
fn taken(records: &[Resource]) -> HashSet<&str> {
    let appointments = records.iter().filter(|it| text(it, "resourceType") == "Appointment");
    let held = appointments.filter_map(|it| it.get("slot")?.as_array()).flatten();
    held.filter_map(|it| it.get("reference")?.as_str()).collect()
}

fn slot(
    schedule: &Resource,
    after_today: i64,
    (start, end): &(&str, &str),
    taken: &HashSet<&str>,
    dates: &Dates,
) -> Resource {
    let name = text(schedule, "id");
    let id = format!("{name}-day{after_today}-{}", start.replace(':', ""));
    let day = dates.day(after_today);
    let busy = taken.contains(format!("Slot/{id}").as_str());
    let mut slot = Resource::new();
    slot.insert("resourceType".into(), "Slot".into());
    slot.insert("id".into(), id.into());
    for member in ["serviceCategory", "specialty"] {
        slot.insert(member.into(), schedule.get(member).cloned().unwrap_or(Value::Null));
    }
    slot.insert("schedule".into(), json!({ "reference": format!("Schedule/{name}") }));
    slot.insert("status".into(), if busy { "busy" } else { "free" }.into());
    slot.insert("start".into(), format!("{day}T{start}:00Z").into());
    slot.insert("end".into(), format!("{day}T{end}:00Z").into());
    slot
}
