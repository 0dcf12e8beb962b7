"""Where a request comes from."""

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.settings import api_settings

from analytics_data_api.access.throttling.networks import client_network, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:51234", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        # The same client, where a socket takes both kinds of addresses.
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("client.example.com", "unknown"),
        ("192.0.2.256", "unknown"),
        ("192.0.2.7 192.0.2.8", "unknown"),
        ("[", "unknown"),
        ("x" * 10_000, "unknown"),
        ("\u0661.1.1.1", "unknown"),
    ],
)
def test_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.fixture
def proxies(settings: Any) -> Any:
    def set_to(number: int) -> None:
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": number}

    yield set_to
    api_settings.reload()


@pytest.mark.parametrize(
    ("number", "forwarded", "network"),
    [
        # Nobody is trusted: what anybody can send says nothing.
        (0, "198.51.100.1", "192.0.2.7"),
        (0, None, "192.0.2.7"),
        (1, "198.51.100.1", "198.51.100.1"),
        # The one in front has written the last one, and the client the others.
        (1, "203.0.113.5, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.5, 198.51.100.1, 198.51.100.2", "198.51.100.1"),
        # Fewer than there should be: the first that there is.
        (2, "198.51.100.2", "198.51.100.2"),
        (1, None, "192.0.2.7"),
        (1, "2001:db8::1", "2001:db8::/64"),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "nonsense", "unknown"),
        (1, "192.0.2.9" + " " * 200 + ".", "unknown"),
    ],
)
def test_of_a_request(proxies: Any, number: int, forwarded: str | None, network: str) -> None:
    proxies(number)
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert client_network(RequestFactory(headers=headers).get("/", REMOTE_ADDR="192.0.2.7")) == network


def test_of_a_request_through_a_unix_socket() -> None:
    assert client_network(RequestFactory().get("/", REMOTE_ADDR="")) == "unknown"
