"""Step 6: the IoT Hub, and which of its edge devices get the module."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Select, Static

from edgetui.core.errors import EdgeError
from edgetui.core.models import Device, HubInfo
from edgetui.core.plan import Target
from edgetui.jobs import browse
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import devices as device_words

SHOWN_WARNINGS = 3


class DevicesScreen(StepScreen):
    """The hub on top, its devices below; from 100 columns on, what is known of one on the right."""

    step_id = "devices"
    HELP = """
    # Devices

    **Space** marks a device, `*` all that are shown, **Enter** goes on with those marked (or with the one under the cursor).
    `/` filters by any words: id, platform, tags. You can filter while the rest still arrives.

    `online` and the rest are what the hub knows: it may lag behind by some minutes. Devices that say *reports only* are
    there to be looked at; nothing runs on them.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "hub", "Hub", id="devices.hub", tooltip="Choose another IoT Hub"),
        Binding("f9", "drop", "Drop", id="devices.drop", tooltip="Take devices out that the hub does not have"),
    ]

    table = getters.query_one("#devices-table", FilterTable)
    hubs = getters.query_one("#hub-choice", Select)

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Device] = {}
        self._complete = False

    def body(self) -> ComposeResult:
        """Compose hub, devices, warnings."""
        with Horizontal(id="hub-row"):
            yield Static("IoT Hub", classes="label")
            yield Static("", id="hub-words", markup=False)
            yield Select[str]([], prompt="choose the IoT Hub", id="hub-choice", compact=True)
        with Horizontal(id="devices-row"):
            yield FilterTable(
                ("device", "state", "platform", "tags", "last status", "agent", "modules"),
                many=True,
                noun="devices",
                empty="This hub has no IoT Edge device. Make one in the portal, or choose another hub (F7).",
                id="devices-table",
            )
            with VerticalScroll(id="device-pane", can_focus=False):
                yield Static("", id="device-words", markup=False)
        yield Static("", id="device-warnings", markup=False)

    # hub

    def show(self) -> None:
        """Show what is chosen."""
        if self.table.marked != self.plan.devices:
            self.table.mark(self.plan.devices)
        self._warn()

    def reload(self) -> None:
        """Ask for the hubs, then for the devices."""
        if self.view.blocked:
            self.status.problem(f"The list of hubs {self.view.waits} first; F2 goes back to the steps.")
            self.table.fail(
                "No workspace is chosen", "The hub is looked for in its subscription: choose one in 1 Workspace."
            )
            return
        plan = self.plan
        self.table.begin("asking for the hubs")
        self.load("hubs", lambda: browse.hubs(plan, self.ports))
        self.table.focus_rows()
        self.status.busy("Asking for the IoT Hubs")

    def loaded(self, what: str, value: Any) -> None:
        """Take the hubs, or the end of the devices."""
        if what == "hubs":
            self._take_hubs(value)
        elif what == "devices":
            self._complete = True
            self.table.finish()
            self._invite()
            self._warn()

    def _take_hubs(self, found: list[HubInfo]) -> None:
        names = [one.name for one in found]
        chosen = next((name for name in names if name.lower() == self.plan.hub.name.lower()), "")
        if not names:
            self.table.fail("The subscription has no IoT Hub", "Make one in the portal, then F5.")
            self.status.problem("The subscription has no IoT Hub: make one in the portal, then F5.")
            return
        if not chosen and len(names) == 1:
            chosen = names[0]
            self.edit(hub={"name": chosen})
        only = len(names) == 1
        put(self.query_one("#hub-words", Static), f"{chosen} (the only one)" if only else "")
        self.query_one("#hub-words").display = only
        self.hubs.display = not only
        with self.hubs.prevent(Select.Changed):
            self.hubs.set_options([(name, name) for name in names])
            if chosen:
                self.hubs.value = chosen
        self.refresh_bindings()
        if chosen:
            self._ask_devices()
        else:
            self.table.put(())
            self.table.fail("No hub is chosen yet", "Choose one above: F7, then Enter.")
            self.status.say("Choose the IoT Hub: F7, then Enter.")

    @on(Select.Changed, "#hub-choice")
    def _hub_chosen(self, event: Select.Changed) -> None:
        event.stop()
        name = event.value
        if isinstance(name, str) and name != self.plan.hub.name and self.edit(hub={"name": name}):
            self.table.put(())
            self._ask_devices()

    def action_hub(self) -> None:
        """Open the list of hubs."""
        self.hubs.focus()
        self.hubs.action_show_overlay()

    # devices

    def _ask_devices(self) -> None:
        plan = self.plan
        self._complete = False
        self.table.begin(f"asking {plan.hub.name}")
        self.load_parts("devices", lambda: browse.devices(plan, self.ports))
        self.status.busy(f"Asking {plan.hub.name} for its devices; you can filter and mark meanwhile")
        self.table.focus_rows()

    def loaded_some(self, what: str, value: Any) -> None:  # noqa: ARG002 - only devices come in parts
        """Take a page of devices."""
        first = not self._known
        self._known.update((device.id, device) for device in value)
        self.table.add(
            Row(
                device.id,
                (
                    device.id,
                    device_words.connected(device),
                    device.platform,
                    device_words.tags(device),
                    device_words.last_status(device),
                    device.agent_version,
                    " ".join(device.modules),
                ),
            )
            for device in value
        )
        if first and self.plan.devices:
            self.table.move_to(self.plan.devices[0])
        self._describe(self.table.current)

    def load_failed(self, what: str, error: EdgeError) -> None:
        """Say it where the list would be."""
        self.table.fail(error.title, error.remedy)
        super().load_failed(what, error)

    @on(FilterTable.Marked, "#devices-table")
    def _marked(self, event: FilterTable.Marked) -> None:
        event.stop()
        self._choose(event.keys)

    @on(FilterTable.Chosen, "#devices-table")
    def _chosen(self, event: FilterTable.Chosen) -> None:
        event.stop()
        if self.plan.devices or self._choose((event.key,)):
            self.edge.open_next(self.step_id)

    @on(FilterTable.Moved, "#devices-table")
    def _moved(self, event: FilterTable.Moved) -> None:
        event.stop()
        self._describe(event.key)

    def _choose(self, devices: tuple[str, ...]) -> bool:
        # Conditions of a plan written by hand stay: the deploy step says what it cannot do.
        rest = tuple(target for target in self.plan.target if target.condition)
        chosen = (Target(devices=devices),) if devices else ()
        done = self.edit(target=(*chosen, *rest))
        self._invite()
        return done

    def action_drop(self) -> None:
        """Take devices out of the plan that the hub does not have."""
        self._choose(tuple(device for device in self.plan.devices if device in self._known))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits."""
        if action == "drop":
            return bool(self._missing())
        if action == "hub":
            return bool(self.hubs.display)
        return super().check_action(action, parameters)

    def next_ready(self) -> str:
        """Hold Next back while nothing is chosen."""
        return f"First {missing}: Space marks one." if (missing := self.step.missing(self.plan)) else ""

    def _missing(self) -> list[str]:
        return [device for device in self.plan.devices if device not in self._known] if self._complete else []

    def _invite(self) -> None:
        count = len(self.plan.devices)
        if not self._known:
            self.status.say("")
        elif not count:
            self.status.say("Space marks devices. Enter takes the one under the cursor and goes on.")
        else:
            self.status.done(f"{count} {'device' if count == 1 else 'devices'} marked; Enter or F3 goes on.")

    def _warn(self) -> None:
        platform = self.plan.image.platform
        lines = [f"! {device} is not in {self.plan.hub.name}. F9 drops it." for device in self._missing()]
        for name in self.plan.devices:
            if name in self._known:
                lines += [f"! {name} {text}" for text in device_words.warnings(self._known[name], platform)]
        more = len(lines) - SHOWN_WARNINGS
        if more > 0:
            lines = [*lines[: SHOWN_WARNINGS - 1], f"! and {more + 1} more; the review in 7 Deploy shows all"]
        words = self.query_one("#device-warnings", Static)
        words.display = bool(lines)
        put(words, "\n".join(lines))

    def _describe(self, key: str) -> None:
        device = self._known.get(key)
        said = device_words.described(device, self.plan.image.platform) if device else ""
        put(self.query_one("#device-words", Static), said)
