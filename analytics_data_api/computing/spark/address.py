"""Addresses of clusters, and what has to be set before user ids and answers are sent to one."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote

from analytics_data_api.computing.errors import EngineError

MASTER: Final = "spark"
CONNECT: Final = "sc"
# The port of a server of Spark Connect that an address does not name.
CONNECT_PORT: Final = 15002
FORM: Final = re.compile(r"(?P<scheme>spark|sc)://(?P<places>[^/;?#@]+)/?(?P<parameters>(?:;[^;=]+=[^;]*)*)")
PLACE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
SECONDS_TO_ANSWER: Final = 5
TOKEN_VARIABLE: Final = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105 - its name
# An entry of spark-defaults.conf, as Java reads properties.
ENTRY: Final = re.compile(r"\s*(?P<name>[^\s=:#!][^\s=:]*)\s*[\s=:]\s*(?P<value>.*?)\s*")
# What encrypts what processes send to each other: one of these.
ENCRYPTION: Final = ("spark.network.crypto.enabled", "spark.ssl.rpc.enabled")


@dataclass(frozen=True)
class Address:
    """The address of a cluster.

    Attributes:
        text: The address as it was given, for PySpark. It may hold a token, and is not for messages.
        scheme: ``spark`` for a standalone master, ``sc`` for a server of Spark Connect.
        places: Hosts and ports; more than one of masters that stand in for each other.
        parameters: Those of Spark Connect, by name.
    """

    text: str
    scheme: str
    places: tuple[tuple[str, int], ...]
    parameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that a text is.

        Raises:
            EngineError: It is none.
        """
        found = FORM.fullmatch(text)
        places: list[tuple[str, int]] = []
        for each in found["places"].split(",") if found else ():
            place = PLACE.fullmatch(each)
            port = place and (place["port"] or (CONNECT_PORT if found and found["scheme"] == CONNECT else None))
            if not place or not port or not 0 < int(port) < 2**16:
                places.clear()
                break
            places.append((place["host"].strip("[]"), int(port)))
        if not found or not places or (found["scheme"] == CONNECT and len(places) > 1):
            # It is not quoted, because it may hold a token.
            raise EngineError("An engine is duckdb, spark://host:port of a master, or sc://host:port of Spark Connect.")
        pairs = (each.split("=", 1) for each in found["parameters"].split(";") if each)
        return cls(text, found["scheme"], tuple(places), {name: unquote(value) for name, value in pairs})

    def __str__(self) -> str:
        return f"{self.scheme}://{','.join(f'{host}:{port}' for host, port in self.places)}"

    @property
    def is_loopback(self) -> bool:
        """Whether nothing that is sent to the master leaves this machine."""
        return all(host == "localhost" or is_loopback(host) for host, _ in self.places)

    def require_answer(self) -> None:
        """Raise an EngineError unless something listens there."""
        for host, port in self.places:
            try:
                socket.create_connection((host, port), SECONDS_TO_ANSWER).close()
            except OSError as error:
                reason = error
            else:
                return
        raise EngineError(f"Nothing answers at {self}: {reason}. Nothing was read or loaded.")

    def require_protection(self, settings: dict[str, str]) -> None:
        """Raise an EngineError unless the cluster is on this machine, or protected.

        Args:
            settings: Those of Spark.
        """
        if self.is_loopback:
            return
        if self.scheme == CONNECT:
            has_token = "token" in self.parameters or os.environ.get(TOKEN_VARIABLE)
            if self.parameters.get("use_ssl", "").lower() != "true" or not has_token:
                raise EngineError(
                    f"{self} is another machine, and would get user ids and answers unprotected. Spark Connect takes "
                    f"use_ssl=true behind the address (sc://host:port/;use_ssl=true) and a token in {TOKEN_VARIABLE}."
                )
        elif missing := missing_protection(settings):
            raise EngineError(
                f"{self} is another machine, and would get user ids and answers unprotected. Set in {where_to_set()}, "
                f"here and on all machines of the cluster: {', '.join(missing)}."
            )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def missing_protection(settings: dict[str, str]) -> list[str]:
    """Return which settings of Spark are missing, as they have to be."""
    missing = []
    if not is_true(settings, "spark.authenticate"):
        missing.append("spark.authenticate true")
    if not settings.get("spark.authenticate.secret"):
        missing.append("spark.authenticate.secret")
    if not any(is_true(settings, name) for name in ENCRYPTION):
        missing.append(f"{ENCRYPTION[0]} true")
    return missing


def is_true(settings: dict[str, str], name: str) -> bool:
    return settings.get(name, "").lower() == "true"


def defaults_file() -> Path | None:
    """Return the file of Spark's settings, where Spark itself looks for it; None where no variable says where."""
    if folder := os.environ.get("SPARK_CONF_DIR"):
        return Path(folder) / "spark-defaults.conf"
    home = os.environ.get("SPARK_HOME")
    return Path(home) / "conf" / "spark-defaults.conf" if home else None


def where_to_set() -> str:
    """Return the name of the file of Spark's settings, for a message."""
    return str(defaults_file() or "spark-defaults.conf in the folder that SPARK_CONF_DIR names")


def read_settings() -> dict[str, str]:
    """Return Spark's settings by name; none where there is no file.

    Raises:
        EngineError: The file cannot be read.
    """
    path = defaults_file()
    try:
        lines = path.read_text().splitlines() if path else []
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: {error}.") from error
    found = filter(None, map(ENTRY.fullmatch, lines))
    return {each["name"]: each["value"] for each in found}
