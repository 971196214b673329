//! The description of a page in its head, for search engines and for sites that show a link to it.

use chrono::NaiveDateTime;

use super::{Archive, Frame, PostIndex, PostShow, TagIndex};
use crate::access::Status;
use crate::markdown;
use crate::models::upload;

/// The description of a page that anyone may find.
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
    /// The whole address of a path of the site's own, if the owner has said where readers find it.
    pub(super) fn whole(&self, path: &str) -> Option<String> {
        self.address.as_ref().map(|address| address.to(path))
    }

    /// The whole address of a page's picture.
    pub(super) fn picture(&self, about: &About) -> Option<String> {
        self.whole(about.picture.as_deref()?)
    }
}

impl PostShow {
    /// Nothing of a post that not everybody may read, and nothing of further comments.
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
    /// Nothing of lists beyond the first page, nor of what is not published.
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
    /// The newest year has two addresses, of which the one without a year changes its content.
    pub(super) fn about(&self) -> Option<About> {
        let year = self.year.filter(|_| self.cursor.is_none())?;
        let (title, path) = (format!("Archive {year}"), self.address(&year, None));
        Some(About { title, path, ..About::default() })
    }
}
