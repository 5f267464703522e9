//! GUIDs: names in the form of UUIDs (RFC 9562).

use data_encoding::HEXLOWER;

/// A GUID of 16 random bytes: version 4 (RFC 9562 section 5.4).
pub const fn of_random(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// As it stands on the wire: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub fn shown(bytes: &[u8; 16]) -> String {
    let digits = HEXLOWER.encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Reads the one spelling that [`shown`] has; `None` for everything else.
pub fn parse(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let digits: String = text.split('-').collect();
    let readable = digits.len() == 32 && HEXLOWER.decode_mut(digits.as_bytes(), &mut bytes).is_ok();
    (readable && shown(&bytes) == text).then_some(bytes)
}
