"""What axe-core finds on the page that a browser shows."""

from importlib.resources import files
from typing import Any, Final

# Findings that keep people out.
SERIOUS: Final = {"serious", "critical"}
SCHEMES: Final = ("light", "dark")

AXE: Final = files("axe_core_python") / "axe.min.js"


def use_scheme(chromium: Any, scheme: str) -> None:
    """Have the browser prefer the light or the dark scheme."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def serious(chromium: Any) -> list[str]:
    """Return the serious findings on the present page, each with its rule and the elements."""
    # By the driver, which no Content-Security-Policy keeps from running scripts.
    chromium.execute_script(AXE.read_text())
    found = chromium.execute_async_script(
        "const done = arguments[0]; axe.run().then(done, (error) => done({error: String(error)}))"
    )
    assert "error" not in found, found["error"]
    return [
        f"{finding['id']}: {finding['help']}: {node['target']} {node['failureSummary']}"
        for finding in found["violations"]
        if finding["impact"] in SERIOUS
        for node in finding["nodes"]
    ]
