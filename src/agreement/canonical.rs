//! Canonical JSON (RFC 8785) of values without fractions.

use serde::Serialize;
use serde_json::Value;

/// Encodes `value`; members are sorted whatever order the fields have.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("terms are strings, integers, lists and objects");
    let mut out = Vec::new();
    put(&value, &mut out);
    out
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from UTF-8 for names beyond U+FFFF.
            members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            put_list(out, [b'{', b'}'], members, |(name, value), out| {
                put_scalar(name, out);
                out.push(b':');
                put(value, out);
            });
        }
        Value::Array(items) => put_list(out, [b'[', b']'], items, put),
        scalar => put_scalar(scalar, out),
    }
}

fn put_list<T>(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    items: impl IntoIterator<Item = T>,
    put_item: impl Fn(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_item(item, out);
    }
    out.push(close);
}

fn put_scalar(scalar: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, scalar).expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_strings_barely_escaped() {
        let value = json!({"b": [1, {"z": null, "a": true}], "a": "省\"\\\n\u{1}/é"});
        let expected = "{\"a\":\"省\\\"\\\\\\n\\u0001/é\",\"b\":[1,{\"a\":true,\"z\":null}]}";
        assert_eq!(String::from_utf8(encode(&value)).unwrap(), expected);
        let beyond = json!({"\u{ff21}": 1, "\u{20000}": 2});
        assert_eq!(String::from_utf8(encode(&beyond)).unwrap(), "{\"\u{20000}\":2,\"\u{ff21}\":1}");
    }
}
