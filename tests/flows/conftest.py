"""One embedded server for all flow tests, in a home of their own, started by the product's code.

Not `prefect_test_harness`: its server is another one (ephemeral, other settings, no user interface)
and takes 10-15 s in every process; this one is shared by the workers of pytest-xdist as well, and
every flow test is at the same time a test of the server the user gets.
"""

import os
from collections.abc import Iterator

import pytest

from flows.embedded import down, serving
from lipsync.home import Home
from tests.flows.office import Deployed, Office, deploy_twice


@pytest.fixture(scope="session")
def flow_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of all flow tests: the same folder in every xdist worker."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return Home(shared / "dubline-home")


@pytest.fixture(scope="session")
def server(flow_home: Home) -> Iterator[str]:
    """Point this process at the tests' server, also when a test module has imported Prefect.

    Nobody stops it: it idles out, after Prefect has sent its last events while Python exits and
    after the last xdist worker has gone.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.setenv("DUBLINE_HOME", str(flow_home.root))
        patch.setenv("DUBLINE_SERVER_IDLE_S", "5")
        with serving(flow_home, print) as url:
            yield url


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A home of its own, for what is deployed and operated."""
    folder = tmp_path_factory.mktemp("office")
    found = Office(Home(folder / "home"), folder)
    yield found
    down(found.home)


@pytest.fixture(scope="session")
def deployed(office: Office) -> Deployed:
    """That home, deployed twice."""
    return deploy_twice(office)
