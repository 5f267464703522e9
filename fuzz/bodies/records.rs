//! What lies in the store: damage is an error, and what is read is written back as itself.

use gatepost::store::{Record, Soft, record::FORMAT};

pub fn body(data: &[u8]) {
    // Inputs are the records' text. The format's number before it is looked at as well.
    let written: Vec<u8> = [&[FORMAT], data].concat();
    for bytes in [data, &written] {
        match Record::decode(bytes) {
            Ok(record) => {
                let again = record.encode().unwrap();
                assert_eq!(Record::decode(&again).unwrap(), record);
                assert_eq!(Record::decode(&again).unwrap().encode().unwrap(), again, "one way to write it");
            }
            Err(damage) => {
                // Reports go to the log, and a record's content does not.
                let report = damage.to_string();
                let known = ["a damaged record (Data error)", "a damaged record (Syntax error)", "a damaged record (Eof error)"];
                assert!(
                    known.iter().any(|words| report.contains(words)) || report.contains("has format") || report.contains("an empty record"),
                    "{report}"
                );
            }
        }
        if let Some(soft) = Soft::decode(bytes) {
            let again = soft.encode().unwrap();
            assert_eq!(Soft::decode(&again).map(|soft| soft.encode().unwrap()), Some(again));
        }
    }
}
