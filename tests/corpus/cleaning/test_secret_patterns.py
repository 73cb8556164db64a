import random
import string

import pytest

from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.cleaning.secret_patterns import find_secret, parts_with_keys

BASE62 = string.ascii_letters + string.digits
CODE = "import os\n\n\ndef connect(host, port=5432):\n    return host, port\n\n\n"


def random_text(length: int, alphabet: str = BASE62, seed: int = 7) -> str:
    chooser = random.Random(seed)
    return "".join(chooser.choice(alphabet) for _ in range(length))


def secrets_by_parts(text: str) -> list[str | None]:
    return [find_secret(part) for part in parts_with_keys(padded(text.encode()))]


# Put together here, so that no file of the repository holds what looks like a key.
SECRETS = {
    "private_key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + random_text(64) + "\n" + random_text(64, seed=8) + "\n",
    "aws_key": "AK" + "IA" + random_text(16, string.ascii_uppercase + "234567"),
    "github_token": "gh" + "p_" + random_text(36),
    "gitlab_token": "glp" + "at-" + random_text(20),
    "slack_token": "xo" + "xb-" + "2345678901" + "-" + random_text(24),
    "slack_webhook": "https://hooks.slack" + ".com/services/T0A1B2C3D/B0A1B2C3D/" + random_text(24),
    "google_key": "AI" + "za" + random_text(35),
    "google_secret": "GOC" + "SPX-" + random_text(28),
    "stripe_key": "sk" + "_live_" + random_text(24),
    "jwt": "ey" + "J" + random_text(30) + ".ey" + "J" + random_text(60, seed=8) + "." + random_text(43, seed=9),
    "npm_token": "np" + "m_" + random_text(36),
    "pypi_token": "py" + "pi-AgEIcHlwaS5vcmc" + random_text(70),
    "openai_key": "sk" + "-" + random_text(20) + "T3Blbk" + "FJ" + random_text(20, seed=8),
    "anthropic_key": "sk-" + "ant-api03-" + random_text(93),
    "huggingface_token": "h" + "f_" + random_text(34, string.ascii_letters),
    "sendgrid_key": "S" + "G." + random_text(22) + "." + random_text(43, seed=8),
    "telegram_token": "234567891:A" + "A" + random_text(33),
    "azure_key": "Account" + "Key=" + random_text(86) + "==",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_well_known_shapes(kind: str) -> None:
    text = f'{CODE}SETTINGS = ["{SECRETS[kind]}"]\n'.replace("KEY-----\n", "KEY-----\\n")
    assert find_secret(text) == kind
    # The quick look must not have seen less.
    assert secrets_by_parts(text) == [kind]


@pytest.mark.parametrize(
    "line",
    [
        'password = "{}"',
        "DB_PASSWORD: str = '{}'",
        'settings = {{"api_key": "{}"}}',
        'client(token="{}")',
        "os.environ['SECRET_KEY'] = '{}'",
        'aws_secret_access_key="{}"',
    ],
)
@pytest.mark.parametrize("seed", range(8))
def test_assigned(line: str, seed: int) -> None:
    text = CODE + line.format(random_text(24, seed=seed)) + "\n"
    assert find_secret(text) == "assigned_secret"
    assert secrets_by_parts(text) == ["assigned_secret"]


@pytest.mark.parametrize(
    "line",
    [
        'password = "correct-horse-battery-staple"',
        'password = os.environ["DATABASE_PASSWORD_2024"]',
        'token = "your-token-here-1234567890abcdef"',
        'api_key = "xxxxxxxxxxxxxxxxxxxxxxxx"',
        'secret = "example1A2b3C4d5E6f7G8h9"',
        'token_type = "urn:ietf:params:oauth:token-type:jwt"',
        'key = "{}"',
        'commit = "{}"',
        'model = "meta-llama/Llama-3.2-1B-Instruct-v2"',
        'TOKEN = "%(token)s/%(user)s/0123"',
        'digest = {"AccessKey": "62d91b17309e76c8"}',
        'PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]',
        'HEADER = "-----BEGIN RSA PRIVATE KEY-----"',
        'raise ValueError("no -----BEGIN PRIVATE KEY----- in the file that was given to the function")',
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AIza" + "0" * 35,
    ],
)
def test_examples_and_other_names_do_not_count(line: str) -> None:
    assert find_secret(CODE + line.replace("{}", random_text(24)) + "\n") is None


def test_token_of_the_manual() -> None:
    claims = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
    assert find_secret(f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{claims}.{random_text(43)}") is None


def test_parts_are_the_lines_of_what_could_be_a_key() -> None:
    words = "value = first_thing(second_thing)  # \u00e9\n"
    keys = [f'"{random_text(24, seed=seed)}"\n' for seed in range(3)]
    text = keys[0] + words + keys[1] + keys[2] + words
    assert parts_with_keys(padded(text.encode())) == [keys[0].strip(), (keys[1] + keys[2]).strip()]
    assert parts_with_keys(padded(words.encode())) == []


def test_a_private_key_is_found_behind_its_first_lines() -> None:
    head = "-----BEGIN RSA " + "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nComment: of a host\n\n"
    key = "".join(random_text(64, seed=seed) + "\n" for seed in range(4))
    assert secrets_by_parts(f'{CODE}KEY = """\n{head}{key}"""\n') == ["private_key"]
