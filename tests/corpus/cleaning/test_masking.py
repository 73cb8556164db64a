import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning import masking
from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.cleaning.syntax import is_python
from hornbook.corpus.cleaning.text_kernels import look_at


def mask_addresses(text: str) -> tuple[str, tuple[str, ...]]:
    return masking.mask_addresses(text, look_at(padded(text.encode())))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("# by Ada Lovelace <ada@lovelace.org>", "# by Ada Lovelace <email@example.com>"),
        ("__author__ = 'ada.l+x@mail.lovelace.co.uk'", "__author__ = 'email@example.com'"),
        ("mail('a@b.de', 'c@d.fr')", "mail('email@example.com', 'email@example.com')"),
        ("# write to ada@lovelace.org.", "# write to email@example.com."),
        ("'mailto:ada@lovelace.org?subject=x'", "'mailto:email@example.com?subject=x'"),
        ("'ssh://ada@lovelace.org/x'", "'ssh://email@example.com/x'"),
    ],
)
def test_email(text: str, masked: str) -> None:
    assert mask_addresses(text) == (masked, ("masked_email",))


@pytest.mark.parametrize(
    "text",
    [
        "product = a@b",
        "product = weights@x.T",
        "product = weights@x.at[0]",
        "product = w@x.to(device)",
        "@app.route('/')",
        "@pytest.mark.slow",
        "'git@github.com:a/b.git'",
        "'user@example.com', 'x@mail.example.org', 'me@host.test', 'me@localhost'",
        "pip install a@1.2.3",
        "x = 1\n@my.app\ndef f():",
        "f'{name}@{host}.com'",
    ],
)
def test_what_is_no_persons_email_stays(text: str) -> None:
    assert mask_addresses(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("host = '93.184.216.34'", "host = '192.0.2.1'"),
        ("url = 'http://93.184.216.34:8080/a'", "url = 'http://192.0.2.1:8080/a'"),
        ("# from 93.184.216.34, 81.2.69.142", "# from 192.0.2.1, 192.0.2.1"),
        ("host = '5.45.102.63'", "host = '192.0.2.1'"),
        ("host = '2a00:1450:4001:81b::200e'", "host = '2001:db8::1'"),
        ("host = '[2607:f8b0:4005:805::200e]:80'", "host = '[2001:db8::1]:80'"),
    ],
)
def test_ip(text: str, masked: str) -> None:
    assert mask_addresses(text) == (masked, ("masked_ip",))


@pytest.mark.parametrize(
    "text",
    [
        "hosts = ['127.0.0.1', '0.0.0.0', '10.1.22.33', '192.168.178.20', '172.16.31.12', '255.255.255.255']",
        "hosts = ['192.0.2.55', '198.51.100.7', '203.0.113.12', '224.0.0.251', '8.8.8.8']",
        "hosts = ['::1', 'fe80::1ff:fe23:4567:890a', '2001:db8::ff00:42:8329']",
        "__version__ = '12.10.22.33'",
        "# New in version 12.10.22.33",
        "requires = 'lib==12.10.22.33'",
        "agent = 'Chrome/41.22.28.10 Safari'",
        "# see section 7.9.2.2 and §4.2.3.1 of 6.2.2.3",
        "oid = '1.3.6.1.4.1.311.20.2'",
        "x = '300.20.30.40', '1.22.33.444', '12.34.56.78.90'",
        "time = '2012:10:11'",
        "part = x[2000:3000:10]",
        "v12.34.56.78",
    ],
)
def test_what_is_no_public_ip_stays(text: str) -> None:
    assert mask_addresses(text) == (text, ())


def test_both_at_once_and_again() -> None:
    text = "A = 'ada@lovelace.org'\nB = '93.184.216.34'\n"
    masked, notes = mask_addresses(text)
    assert masked == "A = 'email@example.com'\nB = '192.0.2.1'\n"
    assert notes == ("masked_email", "masked_ip")
    assert mask_addresses(masked) == (masked, ())


pieces = st.sampled_from(["ada@lovelace.org", "93.184.216.34", "2a00:1450::200e", "a", " ", "@", ".", "9", "x.y", "-"])


@given(st.lists(pieces | st.sampled_from(["\n", "2001", ":", "1.2", "a.io"]), max_size=12).map("".join))
def test_the_look_rules_nothing_out_that_is_there(text: str) -> None:
    everything = look_at(padded(b""))._replace(may_have_email=True, may_have_ip=True)
    assert mask_addresses(text) == masking.mask_addresses(text, everything)


@given(st.lists(pieces, max_size=12).map("".join))
def test_a_string_stays_a_string(value: str) -> None:
    masked, _ = mask_addresses(f"x = {value!r}  # {value}\n")
    assert is_python(masked)
    assert isinstance(ast.literal_eval(masked.split(" = ")[1].split("  #")[0]), str)
