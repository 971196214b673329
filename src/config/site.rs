//! The flags for the site's name and appearance.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Error, files, heading};
use crate::site::{self, Icon, Site};

/// The maximum number of bytes read from an icon file.
const MAX_ICON: u64 = 1024 * 1024;

/// The maximum size of a style sheet in bytes.
const MAX_STYLE: u64 = 64 * 1024;

/// The flags for the site's name and appearance.
#[derive(Clone, Debug, Args)]
pub(super) struct SiteArgs {
    /// Name of the site, in the header, in titles and in feeds
    #[arg(
        long,
        help_heading = heading::SITE,
        env = "KILONOVA_SITE_NAME",
        default_value = site::NAME,
        value_name = "TEXT",
    )]
    site_name: String,
    /// One line about the site, under its name and in feeds
    #[arg(
        long,
        help_heading = heading::SITE,
        env = "KILONOVA_SITE_DESCRIPTION",
        value_name = "TEXT",
    )]
    site_description: Option<String>,
    /// One line of Markdown at the foot of each page
    ///
    /// As in `© Ada, [imprint](/posts/1)`.
    #[arg(long, help_heading = heading::SITE, env = "KILONOVA_SITE_FOOTER", value_name = "TEXT")]
    site_footer: Option<String>,
    /// Image shown next to the site's name and in browser tabs
    ///
    /// A png, webp, ico, gif, jpeg or avif of at most 256 KiB.
    #[arg(long, help_heading = heading::SITE, env = "KILONOVA_SITE_ICON", value_name = "FILE")]
    site_icon: Option<PathBuf>,
    /// Colour of links and buttons, as in `#5b2a86`
    ///
    /// Each theme uses the nearest readable shade.
    #[arg(
        long,
        help_heading = heading::SITE,
        env = "KILONOVA_ACCENT_COLOR",
        value_name = "#RRGGBB",
    )]
    accent_color: Option<String>,
    /// Custom style sheet, applied after the built-in one
    ///
    /// UTF-8, at most 64 KiB. It is read at startup.
    #[arg(long, help_heading = heading::SITE, env = "KILONOVA_SITE_STYLE", value_name = "FILE")]
    site_style: Option<PathBuf>,
    /// Link in the navigation, as in `About=/posts/1-about`; repeatable
    ///
    /// A path of the site or a URL. At most 6.
    #[arg(
        long = "site-link",
        help_heading = heading::SITE,
        env = "KILONOVA_SITE_LINK",
        value_name = "LABEL=ADDRESS",
        value_delimiter = ',',
    )]
    site_links: Vec<String>,
}

impl SiteArgs {
    /// Validates the flags, and reads the icon and the style sheet. The site is below `root`.
    pub(super) fn check(&self, root: &str) -> Result<Site, Error> {
        let of = |flag: &str, error: &dyn Display| Error(format!("{flag}: {error}"));
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let description = text(&self.site_description).map(|text| site::description(&text));
        let footer = text(&self.site_footer).map(|text| site::footer(&text, root));
        let colour = text(&self.accent_color).map(|text| text.parse());
        let colour = colour.transpose().map_err(|error| of("--accent-color", &error))?;
        let style = named(&self.site_style).map(style).transpose()?;
        let links: Vec<_> =
            self.site_links.iter().filter(|link| !link.is_empty()).cloned().collect();
        Ok(Site {
            name: site::name(&self.site_name).map_err(|error| of("--site-name", &error))?,
            description: description
                .transpose()
                .map_err(|error| of("--site-description", &error))?,
            footer: footer.transpose().map_err(|error| of("--site-footer", &error))?,
            links: site::links(&links).map_err(|error| of("--site-link", &error))?,
            sheet: site::sheet(colour, style.as_deref()),
            icon: named(&self.site_icon).map(icon).transpose()?,
        })
    }
}

/// The file that a flag names; an empty environment variable names none.
fn named(path: &Option<PathBuf>) -> Option<&Path> {
    path.as_deref().filter(|path| !path.as_os_str().is_empty())
}

fn icon(path: &Path) -> Result<Icon, Error> {
    let of = |error: &dyn Display| Error(format!("--site-icon {}: {error}", path.display()));
    let bytes = read(path, MAX_ICON).map_err(|error| of(&error))?;
    Icon::of(&bytes).map_err(|error| of(&error))
}

fn style(path: &Path) -> Result<String, Error> {
    let of = |error: &dyn Display| Error(format!("--site-style {}: {error}", path.display()));
    let bytes = read(path, MAX_STYLE + 1).map_err(|error| of(&error))?;
    if bytes.len() as u64 > MAX_STYLE {
        return Err(of(&"should be at most 64 KiB"));
    }
    String::from_utf8(bytes).map_err(|error| of(&error))
}

/// Reads at most `most` bytes from the start of a file.
fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
