"""The networks of clients, and the keys that were used there."""

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.settings import api_settings

from analytics_data_api.access.throttling import clients
from analytics_data_api.access.throttling.clients import ClientKey, Memory, client_network, network_of

HERE, THERE = ClientKey("192.0.2.7", b"key"), ClientKey("198.51.100.1", b"key")


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
        # No proxy is trusted: any client can send the header.
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


class TestMemory:
    def test_drops_the_client_key_that_was_added_first(self) -> None:
        memory = Memory(2)
        client_keys = [ClientKey("192.0.2.7", digest) for digest in (b"a", b"b", b"c")]
        for each in (client_keys[0], client_keys[1], client_keys[0], client_keys[2]):
            memory.add(each)
        assert [memory.has(each) for each in client_keys] == [True, False, True]

    def test_a_client_key_is_recent_for_some_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = [100.0]
        monkeypatch.setattr(clients, "monotonic", lambda: times[-1])
        memory = Memory(2)
        assert not memory.is_recent(HERE)
        memory.add(HERE)
        assert memory.is_recent(HERE)
        times.append(100 + clients.RECENT)
        assert not memory.is_recent(HERE)
        assert memory.has(HERE)

    def test_can_be_cleared(self) -> None:
        memory = Memory(2)
        memory.add(HERE)
        memory.clear()
        assert not memory.has(HERE)


@pytest.mark.django_db
def test_a_client_key_of_one_process_is_trusted_by_all_once_it_is_noted() -> None:
    assert not clients.is_trusted(HERE, 1)
    clients.memory.add(HERE)
    assert clients.is_trusted(HERE, 1)
    # As in another process.
    clients.memory.clear()
    assert clients.is_trusted(HERE, 1)
    assert not clients.is_trusted(THERE, 1)
    assert not clients.is_trusted(HERE, 2)
