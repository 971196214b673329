//! Encoded terms decode to the same terms; hostile bytes are refused with little memory.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A term whose bytes live as long as the test.
pub(in super::super) fn terms() -> impl Strategy<Value = Term<'static>> {
    let bytes = || vec(any::<u8>(), 0..20).prop_map(|bytes| &*bytes.leak());
    let leaf = prop_oneof![
        "[a-z_@é]{0,12}".prop_map(|name| Term::Atom(Cow::Owned(name))),
        any::<i64>().prop_map(Term::Int),
        (-300_i64..300).prop_map(Term::Int),
        any::<f64>().prop_filter("Erlang has no others", |it| it.is_finite()).prop_map(Term::Float),
        pids().prop_map(Term::Pid),
        bytes().prop_map(Term::Binary),
        vec(any::<u8>(), 1..20).prop_map(|bytes| Term::String(bytes.leak())),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Term::List),
            vec(inner.clone(), 0..8).prop_map(Term::Tuple),
            vec((inner.clone(), inner), 0..8).prop_map(Term::Map),
        ]
    })
}

fn pids() -> impl Strategy<Value = Pid<'static>> {
    ("[a-z]{1,8}@[a-z.]{1,12}", any::<[u32; 3]>()).prop_map(|(node, [id, serial, creation])| Pid {
        node: Cow::Owned(node),
        number: Number { id, serial },
        creation,
    })
}

fn encoded(term: &Term<'_>) -> Vec<u8> {
    let mut writer = Writer::versioned();
    writer.term(term);
    writer.0
}

proptest! {
    #[test]
    fn a_term_is_read_as_it_was_written(term in terms()) {
        let bytes = encoded(&term);
        prop_assert_eq!(decode(&bytes), Ok(term));
    }

    #[test]
    fn a_truncated_term_is_refused(term in terms(), at in any::<prop::sample::Index>()) {
        let bytes = encoded(&term);
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_a_term_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let bytes = [&[VERSION], &*bytes].concat();
        if let Ok(term) = decode(&bytes) {
            // A skipped term is written as another one, so only success is checked.
            prop_assert!(decode(&encoded(&term)).is_ok());
        }
    }
}

#[test]
fn a_deep_term_is_refused() {
    let nested = |depth: usize| {
        let mut bytes = vec![VERSION];
        bytes.extend([tag::SMALL_TUPLE, 1].repeat(depth));
        bytes.push(tag::NIL);
        bytes
    };
    assert!(decode(&nested(DEEPEST)).is_ok());
    assert_eq!(decode(&nested(DEEPEST + 1)), Err(Bad::Deep));
    assert_eq!(decode(&nested(1_000_000)), Err(Bad::Deep));
}

#[test]
fn an_excessive_length_field_is_refused() {
    for tag in [tag::LIST, tag::LARGE_TUPLE, tag::MAP, tag::BINARY, tag::LARGE_BIG, tag::NEW_FUN] {
        let bytes = [VERSION, tag, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(decode(&bytes), Err(Bad::Short), "{tag}");
    }
}

#[test]
fn a_million_atoms_are_read_and_one_more_is_refused() {
    let many = |count: u32| {
        let mut writer = Writer::versioned();
        writer.list(count);
        for atom in 0..count {
            writer.atom(&format!("a{atom}"));
        }
        writer.nil();
        writer.0
    };
    // The list and its end count as terms too.
    let bytes = many(MOST as u32 - 2);
    assert_eq!(decode(&bytes).unwrap().list().unwrap().len(), MOST - 2);
    assert_eq!(decode(&many(MOST as u32 - 1)), Err(Bad::Many));
}

#[test]
fn compressed_and_cached_terms_are_refused() {
    assert_eq!(decode(&[VERSION, 80, 0, 0, 0, 9]), Err(Bad::Tag(80)));
    assert_eq!(decode(&[VERSION, 82, 0]), Err(Bad::Tag(82)));
}

#[test]
fn an_atom_has_up_to_255_characters_of_any_size() {
    let atom = |name: &str| encoded(&Term::atom(name));
    assert!(decode(&atom(&"🚀".repeat(255))).is_ok());
    assert_eq!(decode(&atom(&"🚀".repeat(256))), Err(Bad::Atom));
    assert_eq!(decode(&[VERSION, tag::SMALL_ATOM, 1, 0xe9]), Ok(Term::atom("é")));
    assert_eq!(decode(&[VERSION, tag::SMALL_ATOM_UTF8, 1, 0xe9]), Err(Bad::Atom));
}

#[test]
fn integers_keep_their_value_up_to_64_bits() {
    for value in [0, 255, 256, -1, i64::from(i32::MIN) - 1, i64::MAX, i64::MIN] {
        assert_eq!(decode(&encoded(&Term::Int(value))), Ok(Term::Int(value)));
    }
    let mut writer = Writer::versioned();
    writer.unsigned(u64::MAX);
    assert_eq!(decode(&writer.0), Ok(Term::Big(false, &[0xff; 8])));
}

#[test]
fn terms_without_a_json_form_are_skipped_whole() {
    // {fun lists:map/2, <<1:1>>, end}, as OTP 25 writes it.
    let bytes =
        b"\x83\x68\x03\x71\x77\x05lists\x77\x03map\x61\x02\x4d\0\0\0\x01\x01\x80\x77\x03end";
    let term = decode(bytes).unwrap();
    assert_eq!(term.elements()[0], Term::Other("a function"));
    assert_eq!(term.elements()[1], Term::Other("a bit string"));
    assert!(term.elements()[2].is_atom("end"));
}
