"""What is masked in other sides' words, and what must stay readable."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.core.redact import MASK, redacted, secret_name

_LAST_WORDS = ["password", "passwd", "pwd", "passphrase", "secret", "token", "api_key", "client_secret", "account_key"]
_LAST_WORDS += ["access_token", "private_key", "secret_key", "access_key", "password2", "token_1"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "ENV DB_PASSWORD=hunter2 X_PWD=h3 MQTT_TOKEN=abc AZURE_CLIENT_SECRET=zzz",
            f"ENV DB_PASSWORD={MASK} X_PWD={MASK} MQTT_TOKEN={MASK} AZURE_CLIENT_SECRET={MASK}",
        ),
        ("AccountName=x;AccountKey=aGVsbG8=;EndpointSuffix=y", f"AccountName=x;AccountKey={MASK};EndpointSuffix=y"),
        ("AWS_SECRET_ACCESS_KEY='a b/c'", f"AWS_SECRET_ACCESS_KEY='{MASK}'"),
        ('{"adminPassword": "p@ss, w;rd", "port": 1}', f'{{"adminPassword": "{MASK}", "port": 1}}'),
        (r'{"log": "{\"dbPassword\": \"a b\", \"n\": 1}"}', rf'{{"log": "{{\"dbPassword\": \"{MASK}\", \"n\": 1}}"}}'),
        (r'"password": "quo\"te" rest', f'"password": "{MASK}" rest'),
        ("https://blob/x?sv=1&sig=s3cr%2B&se=2", f"https://blob/x?sv=1&sig={MASK}&se=2"),
        ("https://me:pw@host/simple", f"https://{MASK}@host/simple"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MASK}"),
        ("Authorization: Bearer abcdef", f"Authorization: Bearer {MASK}"),
        ("--api-key=abc --password: p@w", f"--api-key={MASK} --password: {MASK}"),
    ],
)
def test_the_value_goes_and_the_rest_stays(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "token_type=Bearer expires_in=3600",
        "passwordless=true, keyless: yes",
        "unexpected tokens: 3, max_tokens=128",
        "pad_token: [PAD] eos_token='</s>'",
        "design=flat assign=1 config: a",
        "PWD=/work OLDPWD=/home/somebody",
        "the bearer token expired; use basic authentication instead",
        "password='' user='x'",
        "primary_key=True, monkey: 3",
        "secretary=Anna, tokenizer=bert-base",
        "--mount=type=secret,id=pip",
        "a@b.example, pip 24.0: https://host/simple/ scikit-learn==1.5.2",
        "sha256:" + "a1" * 32,
    ],
)
def test_what_only_looks_like_one_stays_readable(text: str) -> None:
    assert redacted(text) == text


@given(
    st.text(string.ascii_uppercase + "_", max_size=8).map(lambda text: f"{text}_" if text else text),
    st.sampled_from(_LAST_WORDS),
    st.booleans(),
    st.text(string.ascii_letters + string.digits + "+/=-_.!?#%^*~@$", min_size=1, max_size=20).map("Zq".__add__),
    st.sampled_from(["{}={}", "{}: {}", "{}='{}'", '"{}": "{}"', "export {}={} && make", 'ENV {} = "{}"', "-e {}={},"]),
)
def test_whatever_stands_before_the_name_the_value_is_masked(
    prefix: str, last: str, upper: bool, value: str, shape: str
) -> None:
    text = shape.format(prefix + (last.upper() if upper else last), value)
    for said in (text, f"step 3/9: {text}", json.dumps({"line": text})):
        assert "Zq" not in redacted(said)
        assert redacted(redacted(said)) == redacted(said)


def test_names_of_settings() -> None:
    assert all(map(secret_name, ["DB_PASSWORD", "MQTT_PWD", "clientSecret", "token", "SharedAccessKey", "password2"]))
    assert not any(map(secret_name, ["token_type", "STORAGE", "passwordless", "image", "key", "HostPort", ""]))
