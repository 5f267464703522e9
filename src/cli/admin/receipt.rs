//! Who has heard what was taken back, in a sentence.

use serde_json::Value;

/// The sentence, where the answer has a receipt.
pub(super) fn told(receipt: &Value) -> Option<String> {
    let count = |field| receipt[field].as_array().map(Vec::len);
    let (known, silent) = (count("acknowledged")?, count("waited_out")?);
    let took = took(receipt["ms"].as_u64()?);
    let knows = match known {
        0 => "No replica knows it".to_owned(),
        1 => "1 replica knows it".to_owned(),
        _ => format!("{known} replicas know it"),
    };
    Some(match (known, silent, receipt["may_serve_until"].as_str()) {
        (0, 0, _) => "No gateway runs that would have to know it.".to_owned(),
        (1, 0, _) => format!("The one replica knows it ({took})."),
        (_, 0, _) => format!("All {known} replicas know it ({took})."),
        (_, _, Some(until)) => format!("{knows}; {silent} did not answer and may serve it until {until} (serve_known)."),
        (_, 1, None) => format!("{knows}; 1 did not answer and holds no lease any more ({took})."),
        (_, _, None) => format!("{knows}; {silent} did not answer and hold no lease any more ({took})."),
    })
}

fn took(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(acknowledged: &[&str], waited_out: &[&str], may_serve_until: Option<&str>, ms: u64) -> Option<String> {
        told(&json!({
            "sequence": 7, "acknowledged": acknowledged, "waited_out": waited_out, "may_serve_until": may_serve_until, "ms": ms,
        }))
    }

    #[test]
    fn a_receipt_says_who_knows_it() {
        assert_eq!(says(&["a", "b", "c"], &[], None, 2).as_deref(), Some("All 3 replicas know it (2 ms)."));
        assert_eq!(says(&["a"], &[], None, 0).as_deref(), Some("The one replica knows it (0 ms)."));
        assert_eq!(says(&[], &[], None, 0).as_deref(), Some("No gateway runs that would have to know it."));
    }

    #[test]
    fn a_receipt_says_who_does_not_and_what_that_means() {
        let said = |known: &[&str], silent: &[&str], until| says(known, silent, until, 2021).unwrap_or_default();
        assert_eq!(said(&["a", "b"], &["c"], None), "2 replicas know it; 1 did not answer and holds no lease any more (2.0 s).");
        assert_eq!(said(&["a"], &["b", "c"], None), "1 replica knows it; 2 did not answer and hold no lease any more (2.0 s).");
        assert_eq!(said(&[], &["c"], None), "No replica knows it; 1 did not answer and holds no lease any more (2.0 s).");
        let until = Some("2027-01-15T12:00:31Z");
        assert_eq!(
            said(&["a", "b"], &["c"], until),
            "2 replicas know it; 1 did not answer and may serve it until 2027-01-15T12:00:31Z (serve_known)."
        );
    }

    #[test]
    fn an_answer_without_a_receipt_says_nothing_of_it() {
        assert_eq!(told(&json!({"id": "1"})["receipt"]), None);
    }
}
