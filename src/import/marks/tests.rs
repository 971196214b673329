//! Shortcodes and Liquid: translated, or left and noted.

use super::*;
use crate::import::site::{Config, Generator};

fn read(generator: Generator, body: &str) -> (String, Vec<(String, String, Option<usize>)>) {
    let config = Config { base: "/b".to_owned(), ..Config::default() };
    let site = Site { generator, config, ..Site::default() };
    let mut notes = Vec::new();
    let text = translated(body, &site, 10, &mut notes);
    (text, notes.into_iter().map(|note| (note.what, note.detail, note.line)).collect())
}

#[track_caller]
fn translates(generator: Generator, body: &str, expected: &str) {
    let (text, notes) = read(generator, body);
    assert_eq!(text, expected);
    assert_eq!(notes, []);
}

#[track_caller]
fn names(generator: Generator, body: &str, expected: &[(&str, &str, usize)]) {
    let (text, notes) = read(generator, body);
    assert_eq!(text, body, "the text stays");
    let expected = expected.iter().map(|(what, detail, line)| {
        (format!("with {what} as text"), (*detail).to_owned(), Some(*line))
    });
    assert_eq!(notes, expected.collect::<Vec<_>>());
}

/// <https://gohugo.io/shortcodes/>
#[test]
fn hugos_shortcodes() {
    use Generator::Hugo;
    translates(
        Hugo,
        "x {{< highlight go \"linenos=table\" >}}\nif a {\n```\n}\n{{< /highlight >}}\ny",
        "x \n````go\nif a {\n```\n}\n````\n\ny",
    );
    translates(Hugo, "[a]({{< ref \"b.md\" >}}) [c]({{% relref d %}})", "[a](b.md) [c](d)");
    translates(
        Hugo,
        "{{< figure src=\"/a b.png\" alt=\"A [b]\" caption=`C \"d\"` >}}",
        "![A \\[b\\]](</a b.png> \"C \\\"d\\\"\")",
    );
    translates(Hugo, "`{{</* x */>}}` {{ .Title }} {% x %}", "`{{< x >}}` {{ .Title }} {% x %}");
    names(
        Hugo,
        "a\n{{< youtube abc >}}\n{{< note >}}b{{< /note >}}{{% note %}}c{{% /note %}}",
        &[("the shortcode note", "2 times", 12), ("the shortcode youtube", "", 11)],
    );
}

/// <https://jekyllrb.com/docs/liquid/tags/>
#[test]
fn jekylls_liquid() {
    use Generator::Jekyll;
    translates(
        Jekyll,
        "{% highlight ruby linenos %}\ndef x\nend\n{% endhighlight %}\n",
        "```ruby\ndef x\nend\n```\n\n",
    );
    translates(Jekyll, "{% raw %}{{ x }} {% y %}{% endraw %} z", "{{ x }} {% y %} z");
    translates(
        Jekyll,
        "[a]({% post_url 2010-07-21-name %}) [b]({{ site.baseurl }}{% link _x/b.md %}) \
         ![]({{ '/c.png' | relative_url }}) ![]({{ site.url }}{{ site.baseurl }}/d.png)",
        "[a](/_posts/2010-07-21-name.md) [b](/b/_x/b.md) ![](/b/c.png) ![](/b/d.png)",
    );
    names(
        Jekyll,
        "{{ page.title }}\n{% if x %}a{% else %}b{% endif %}\n{%- include y.html a=1 -%}",
        &[
            ("Liquid {% if %}", "", 11),
            ("Liquid {% include %}", "", 12),
            ("Liquid {{ page.title }}", "", 10),
        ],
    );
}

/// <https://www.getzola.org/documentation/content/shortcodes/>
#[test]
fn zolas_shortcodes() {
    use Generator::Zola;
    translates(Zola, "{{/* x(a=1) */}} {{ title }} {% if %}", "{{ x(a=1) }} {{ title }} {% if %}");
    names(
        Zola,
        "{{ youtube(id=\"x\") }}\n{% quote(author=\"v\") %}\nq\n{% end %}",
        &[("the shortcode quote", "", 11), ("the shortcode youtube", "", 10)],
    );
}

/// A text about templates stays as it is if the generator is unknown.
#[test]
fn code_is_left_alone_if_the_generator_is_unknown() {
    names(
        Generator::Unknown,
        "```\n{{ x }} {{< y >}}\n```\n{{< z >}}",
        &[("the shortcode z", "", 13)],
    );
}

#[test]
fn unfinished_marks_take_no_time_and_change_nothing() {
    let started = std::time::Instant::now();
    for part in
        ["{{< highlight x >}}", "{% raw %}", "{{<", "{%", "{{{{", "{{ x }", "{% highlight %}"]
    {
        let body = part.repeat(1024 * 1024 / part.len());
        let (text, notes) = read(Generator::Unknown, &body);
        assert_eq!(text.len(), body.len(), "{part}");
        assert!(notes.len() <= KINDS);
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}
