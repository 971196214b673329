//! A fuzz target for uploaded pictures.

use super::{Unfit, clean};

/// Takes a file. Cleaning an accepted picture again changes nothing, and it is at most an
/// orientation longer than the file.
pub fn picture(bytes: &[u8]) {
    let picture = match clean(bytes) {
        Ok(picture) => picture,
        Err(Unfit::Unknown | Unfit::Damaged(_) | Unfit::TooLarge) => return,
    };
    assert!(picture.bytes.len() <= bytes.len() + 64, "{} bytes", picture.bytes.len());
    assert!(picture.width > 0 && picture.height > 0);
    assert_eq!(clean(&picture.bytes).as_ref(), Ok(&picture));
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::picture;
    use crate::pictures::tests::samples;

    #[test]
    fn accepted_pictures_are_clean() {
        let samples = samples();
        let seeds: Vec<&[u8]> = samples.iter().map(|(_, file)| &**file).collect();
        drive("picture", picture, &seeds);
    }
}
