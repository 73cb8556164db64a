import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.sources.html_text import html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>How do I <em>add</em>\n two?</p>\n\n<p>Like this?</p>", "How do I add two?\n\nLike this?"),
        ("<p>Use <code>a &lt; b</code> &amp; &quot;c&quot;&#39;s &eacute;</p>", 'Use `a < b` & "c"\'s é'),
        (
            '<p>x:</p>\n<pre class="lang-py prettyprint-override"><code>'
            "if a &lt; b:\n    go()\n\n\n    stop()\n</code></pre>\n",
            "x:\n\n```python\nif a < b:\n    go()\n\n\n    stop()\n```",
        ),
        ('<pre><code class="language-c++">int a;</code></pre>', "```c++\nint a;\n```"),
        ("<pre>    a\n      b  \n</pre>", "```\n    a\n      b\n```"),
        ("<pre><code>```\nx\n```</code></pre>", "````\n```\nx\n```\n````"),
        ("<pre><code></code></pre>a", "a"),
        ("<ul>\n<li>one</li>\n<li>two<br>lines</li>\n</ul>", "- one\n- two\nlines"),
        ("<h2>Title</h2><hr><p>x</p>", "## Title\n\n---\n\nx"),
        (
            "<blockquote>\n<p>a</p>\n<blockquote><p>b</p></blockquote>\n<pre>c</pre></blockquote>\n<p>d</p>",
            "> a\n>\n> > b\n>\n> ```\n> c\n> ```\n\nd",
        ),
        ('<a href="https://a.b">the words</a> <img src="x" alt="a picture"> <img src="y">', "the words a picture"),
        ("<script>alert(1)</script><style>p {}</style>x", "x"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a b\n1 2"),
        # What is left open is closed.
        ("<blockquote><pre>x = 1", "> ```\n> x = 1\n> ```"),
        ("</pre></blockquote></script>x &nosuch; < y", "x &nosuch; < y"),
        ("", ""),
    ],
)
def test_text(html: str, text: str) -> None:
    assert html_text(html) == text


tags = st.sampled_from(
    ["<pre>", "</pre>", "<code>", "<blockquote>", "</blockquote>", "<p>", "<!--", "<![CDATA[", "x", "```", "\n", "&"]
)


@given(st.lists(tags, max_size=12).map("".join) | st.text(max_size=60))
def test_any_html_gives_a_text(html: str) -> None:
    made = html_text(html)
    assert made == made.strip()
