"""The filtered table: states in words, filter, marks, one's place kept over a refresh, a thousand rows by pages."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.events import Key
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import Input, Static

from edgetui.ui.widgets.filter_table import FilterTable, Row
from tests.ui.driving import until


class TableApp(App[None]):
    def __init__(self, *, many: bool = True) -> None:
        super().__init__()
        self.filter_table = FilterTable(
            ["Device", "Platform"], many=many, noun="devices", empty="No devices in the hub."
        )
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.filter_table

    def on_filter_table_chosen(self, event: FilterTable.Chosen) -> None:
        self.heard.append(event)

    def on_filter_table_marked(self, event: FilterTable.Marked) -> None:
        self.heard.append(event)

    @property
    def state(self) -> str:
        return str(self.filter_table.query_one(".table-state", Static).content)

    @property
    def words(self) -> str:
        return str(self.filter_table.query_one(".table-words", Static).content)


def device(number: int, platform: str = "linux/amd64") -> Row:
    return Row(f"line{number}", (f"line{number}", platform), search="site=lab" if number % 2 else "site=field")


def column(app: TableApp, number: int) -> list[str]:
    table = app.filter_table.table
    return [str(table.get_row_at(row)[number]) for row in range(table.row_count)]


async def test_each_state_is_said_in_words() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.begin("asking the hub")
        await pilot.pause()
        assert app.state == "asking the hub…"
        assert app.filter_table.query_one(".table-state").display
        assert app.filter_table.table.has_focus
        app.filter_table.finish()
        assert app.state == "No devices in the hub."
        app.filter_table.fail("The hub [edge-hub] refused the key.", "Sign in again.")
        assert app.state == "✗ The hub [edge-hub] refused the key.\nSign in again."
        app.filter_table.put([device(1)])
        await pilot.pause()
        assert not app.filter_table.query_one(".table-state").display
        assert app.words == "1 device · Space marks"
        app.filter_table.fail("The hub does not answer.", "Try again.")
        assert app.filter_table.shown == ("line1",)
        assert app.words.startswith("✗ The hub does not answer. · Try again.")


async def test_names_are_shown_as_they_are() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([Row("a[b]", ("[red]a[b]", "x"))])
        await pilot.pause()
        assert column(app, 1) == ["[red]a[b]"]


async def test_the_filter_takes_words_in_any_order_and_keeps_the_row() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(20)])
        app.filter_table.focus_rows()
        app.filter_table.move_to("line15")
        await pilot.pause()
        await pilot.press("/", *"LAB line1")
        assert app.filter_table.shown == ("line1", "line11", "line13", "line15", "line17", "line19")
        assert app.filter_table.current == "line15"
        await pilot.press("enter", "space")
        assert app.filter_table.marked == ("line15",)
        await pilot.press("escape")
        assert len(app.filter_table.shown) == 20
        assert app.filter_table.current == "line15"
        await pilot.press("/", *"nosuch")
        assert app.state == "No row has these words. Esc shows all."
        assert "1 marked, 1 hidden by the filter" in app.words


async def test_a_word_that_comes_at_once_loses_no_letter() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(20)])
        app.filter_table.focus_rows()
        await pilot.pause()
        for key in ("slash", *"line7 y", "enter"):
            # As a terminal delivers them: all are there before any is looked at.
            app.post_message(Key({" ": "space"}.get(key, key), {"slash": "/"}.get(key, key if len(key) == 1 else None)))
        await pilot.pause()
        await pilot.pause()
        assert app.filter_table.query_one(Input).value == "line7 y"
        assert app.filter_table.table.has_focus
        assert app.clipboard == ""


async def test_space_marks_with_a_glyph_and_the_star_marks_all_shown() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(4)])
        app.filter_table.focus_rows()
        await pilot.press("space", "down", "down", "space")
        assert column(app, 0) == ["[x]", "[ ]", "[x]", "[ ]"]
        await pilot.press("space")
        assert app.filter_table.marked == ("line0",)
        await pilot.press("*")
        assert column(app, 0) == ["[x]"] * 4
        await pilot.press("*")
        assert app.filter_table.marked == ()
        marks = [event.keys for event in app.heard if isinstance(event, FilterTable.Marked)]
        assert marks == [("line0",), ("line0", "line2"), ("line0",), ("line0", "line1", "line2", "line3"), ()]


async def test_enter_chooses_and_y_copies_the_id() -> None:
    app = TableApp(many=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(4)])
        app.filter_table.focus_rows()
        await pilot.press("down", "enter", "y")
        assert [event.key for event in app.heard if isinstance(event, FilterTable.Chosen)] == ["line1"]
        assert app.clipboard == "line1"
        await pilot.press("space")
        assert app.filter_table.marked == ()


async def test_a_click_on_the_mark_marks_and_a_click_elsewhere_moves() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(4)])
        await pilot.pause()
        await pilot.click(app.filter_table.table, offset=Offset(8, 3))
        assert app.filter_table.current == "line2"
        assert app.filter_table.marked == ()
        await pilot.click(app.filter_table.table, offset=Offset(2, 2))
        assert app.filter_table.marked == ("line1",)


async def test_a_refresh_keeps_the_place_and_drops_what_is_gone() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(10)])
        app.filter_table.focus_rows()
        app.filter_table.move_to("line5")
        await pilot.pause()
        app.filter_table.begin()
        app.filter_table.add([device(n, "linux/arm64") for n in range(3, 12)])
        assert app.filter_table.current == "line5"
        assert len(app.filter_table.rows) == 12
        app.filter_table.finish()
        await pilot.pause()
        assert app.filter_table.shown == tuple(f"line{n}" for n in range(3, 12))
        assert app.filter_table.current == "line5"
        assert app.filter_table.table.cursor_row == 2
        assert set(column(app, 2)) == {"linux/arm64"}


async def test_the_terminals_cursor_stands_on_the_row() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.put([device(n) for n in range(100)])
        app.filter_table.focus_rows()
        await pilot.press("down", "down")
        assert app.cursor_position == app.filter_table.table.content_region.offset + Offset(0, 3)
        await pilot.press("end")
        assert app.filter_table.current == "line99"
        assert app.cursor_position.y < 24


async def test_one_filters_while_a_thousand_rows_come_by_pages() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.filter_table.begin("asking the hub")
        app.filter_table.add([device(n) for n in range(100)])
        await pilot.press("/", *"line77")
        for page in range(1, 10):
            app.filter_table.add([device(n) for n in range(page * 100, page * 100 + 100)])
            await pilot.pause()
        app.filter_table.finish()
        assert len(app.filter_table.rows) == 1000
        assert app.filter_table.shown == ("line77", *(f"line77{n}" for n in range(10)))
        assert app.filter_table.query_one(Input).has_focus
        assert app.words == "11 of 1000 devices · Space marks"


class WideApp(App[None]):
    def compose(self) -> ComposeResult:
        yield FilterTable(["device", "tags", "agent", "modules"], many=True, noun="devices")


WIDE = Row("line1", ("line1-gateway", "site=eindhoven line=1 owner=maintenance", "1.5.21", "pump edge-logger"))


async def test_what_the_edge_of_the_screen_cuts_ends_with_a_mark_and_is_whole_when_scrolled_to() -> None:
    app = WideApp()
    async with app.run_test(size=(50, 12)) as pilot:
        table = app.query_one(FilterTable)
        table.put([WIDE])
        shown = await until(pilot, "line1-gateway")
        assert "site=eindhoven line=1 owner…" in shown
        assert "agent" not in shown
        table.put([WIDE, *(Row(f"line{number}", (f"line{number}", "", "", "")) for number in range(2, 40))])
        await until(pilot, lambda: table.table.show_vertical_scrollbar)
        await until(pilot, "site=eindhoven line=1 own…")
        table.table.scroll_to(x=20, animate=False, immediate=True)
        await until(pilot, "owner=maintenance  1.5.21")
        await pilot.resize_terminal(100, 12)
        await until(pilot, "line1-gateway  site=eindhoven line=1 owner=maintenance  1.5.21  pump edge-logger")


async def test_a_match_out_of_sight_is_told() -> None:
    app = WideApp()
    async with app.run_test(size=(50, 12)) as pilot:
        table = app.query_one(FilterTable)
        table.put([WIDE, Row("line2", ("line2", "site=lab", "1.4", ""))])
        table.filter_by("maintenance logger gateway")
        await until(pilot, "1 of 2 devices")
        words = str(table.query_one(".table-words", Static).content)
        assert "it has tags: site=eindhoven line=1 owner=maintenance, modules" in words
        assert "modules: pump edge-logger" in words
        assert "gateway" not in words
