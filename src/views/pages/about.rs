//! The metadata in a page's head, for search engines and for sites that show link previews.

use chrono::NaiveDateTime;

use super::{Archive, Frame, PostIndex, PostShow, TagIndex};
use crate::access::Status;
use crate::markdown;
use crate::models::upload;

/// The metadata of a page that anyone may find.
#[derive(Debug, Default)]
pub(super) struct About {
    /// The title, without the site's name.
    pub(super) title: String,
    /// Its subject in a few words; empty for none.
    pub(super) description: String,
    /// The path of the page.
    pub(super) path: String,
    /// The path of a picture.
    pub(super) picture: Option<String>,
    /// Of a post: when it was published first.
    pub(super) published_at: Option<NaiveDateTime>,
    /// Of a post: its author.
    pub(super) author: Option<String>,
}

impl Frame {
    /// The absolute URL of one of the site's paths, if the site has a public URL.
    pub(super) fn whole(&self, path: &str) -> Option<String> {
        self.address.as_ref().map(|address| address.to(path))
    }

    /// The absolute URL of a page's picture.
    pub(super) fn picture(&self, about: &About) -> Option<String> {
        self.whole(about.picture.as_deref()?)
    }
}

impl PostShow {
    /// `None` for a post that not everyone may read, and for further pages of comments.
    pub(super) fn about(&self) -> Option<About> {
        let post = Some(&self.post).filter(|post| post.status.is_public());
        let post = post.filter(|_| self.cursor.is_none())?;
        Some(About {
            title: post.title.clone(),
            description: markdown::excerpt(&post.body),
            path: post.path(),
            picture: upload::first_picture(&post.body),
            published_at: post.published_at,
            author: post.author.clone(),
        })
    }
}

impl PostIndex {
    /// `None` for further pages, for empty lists, and for lists of unpublished posts.
    pub(super) fn about(&self) -> Option<About> {
        if self.status != Status::Published || self.cursor.is_some() || self.posts.items.is_empty()
        {
            return None;
        }
        let site = &self.frame.site;
        let title = match (self.heading(), self.named()) {
            (Some(heading), Some(name)) => format!("{heading} {name}"),
            _ => site.name.clone(),
        };
        let description = match self.named() {
            None => site.description.clone().unwrap_or_default(),
            Some(_) => String::new(),
        };
        Some(About { title, description, path: self.address(None), ..About::default() })
    }
}

impl TagIndex {
    pub(super) fn about(&self) -> Option<About> {
        let about = |path: &str| About {
            title: "Tags".to_owned(),
            path: path.to_owned(),
            ..About::default()
        };
        (self.after.is_none() && !self.tags.is_empty()).then(|| about("/tags"))
    }
}

impl Archive {
    /// Always names the year: the newest year is also shown at the address without one, whose
    /// content changes with the year.
    pub(super) fn about(&self) -> Option<About> {
        let year = self.year.filter(|_| self.cursor.is_none())?;
        let (title, path) = (format!("Archive {year}"), self.address(&year, None));
        Some(About { title, path, ..About::default() })
    }
}
