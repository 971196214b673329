//! The flags of the owner's site: how it is called and how it looks.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Error, heading};
use crate::site::{self, Icon, Site};

/// The most bytes of an icon's file that are read.
const MOST: u64 = 1024 * 1024;

/// How the site is called, and how it looks.
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
    /// Picture beside the site's name and in tabs
    ///
    /// A png, webp, ico, gif, jpeg or avif of at most 256 KiB.
    #[arg(long, help_heading = heading::SITE, env = "KILONOVA_SITE_ICON", value_name = "FILE")]
    site_icon: Option<PathBuf>,
    /// Colour of links and buttons, as in `#5b2a86`
    ///
    /// Each theme shows the nearest tone that can be read.
    #[arg(
        long,
        help_heading = heading::SITE,
        env = "KILONOVA_ACCENT_COLOR",
        value_name = "#RRGGBB",
    )]
    accent_color: Option<String>,
}

impl SiteArgs {
    /// Checks the flags, and reads the icon.
    pub(super) fn check(&self) -> Result<Site, Error> {
        let of = |flag: &str, error: &dyn std::fmt::Display| Error(format!("{flag}: {error}"));
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let description = text(&self.site_description).map(|text| site::description(&text));
        let footer = text(&self.site_footer).map(|text| site::footer(&text));
        let colour = text(&self.accent_color).map(|text| text.parse());
        let icon = self.site_icon.as_deref().filter(|path| !path.as_os_str().is_empty());
        Ok(Site {
            name: site::name(&self.site_name).map_err(|error| of("--site-name", &error))?,
            description: description
                .transpose()
                .map_err(|error| of("--site-description", &error))?,
            footer: footer.transpose().map_err(|error| of("--site-footer", &error))?,
            sheet: colour
                .transpose()
                .map_err(|error| of("--accent-color", &error))?
                .map(site::sheet),
            icon: icon.map(read).transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<Icon, Error> {
    let of =
        |error: &dyn std::fmt::Display| Error(format!("--site-icon {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| of(&error))?;
    file.take(MOST).read_to_end(&mut bytes).map_err(|error| of(&error))?;
    Icon::of(&bytes).map_err(|error| of(&error))
}
