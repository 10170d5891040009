"""The npm package as a site installs it: packed, unpacked beside React, type-checked, bundled, used on a page."""

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import NewPage, Watch
from tests.support.widget import DESKTOP, REPORT, WidgetSite, fill_form, number, send

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "widget_js" / "npm"
MODULES = ROOT / "node_modules"
HOSTS = Path(__file__).parent / "hosts" / "node_modules"  # what `make test-full` alone installs

TYPED = """
import { igrajdanin, install, type IgrajdaninWidgetElement } from "igrajdanin-widget";
import { IgrajdaninWidget } from "igrajdanin-widget/react";

void install({ api: "https://w.test", version: "1.1.0" });
igrajdanin("open", document.body);
igrajdanin("on", "submitted", event => event.detail.number.toFixed());
document.addEventListener("igrajdanin:step", event => event.detail.of - event.detail.step);
document.addEventListener("igrajdanin-step", event => event.detail.of - event.detail.step);
igrajdanin("open", { view: "report", draft: { address: "ул. Мира, 5" } }, document.body);
const element: IgrajdaninWidgetElement = document.querySelector("igrajdanin-widget")!;
element.siteKey = "wk_1";
void element.open({ category: "roads", problem: 12 }).then(() => element.isOpen && element.close());
export const good = <IgrajdaninWidget siteKey="wk_1" view="floating" corner="top-left"
  style={{ "--igw-accent": "#0b5cad", color: "red" }} onError={event => event.detail?.code} />;
export const plain = <igrajdanin-widget site-key="wk_1" theme="dark" className="report" key="one"
  style={{ "--igw-radius": 0 }} hide="name phone"
  onigrajdanin:submitted={event => event.detail.number.toFixed()} />;

// @ts-expect-error
void install({});
// @ts-expect-error
void element.open({ view: "inline" });
// @ts-expect-error
element.isOpen = true;
// @ts-expect-error
igrajdanin("shut");
// @ts-expect-error
igrajdanin("on", "submitted", event => event.detail.track_url);
// @ts-expect-error
export const keyless = <IgrajdaninWidget type="extended" />;
// @ts-expect-error
export const misspelt = <igrajdanin-widget site-key="wk_1" view="inlined" />;
"""
# What templates of Vue and Svelte are checked against; their checkers read the same declarations.
TYPED_TEMPLATES = """
import type { SvelteHTMLElements } from "svelte/elements";
import type { GlobalComponents } from "vue";
import type {} from "igrajdanin-widget/svelte";
import type {} from "igrajdanin-widget/vue";

type Vue = InstanceType<GlobalComponents["igrajdanin-widget"]>["$props"];
type Svelte = SvelteHTMLElements["igrajdanin-widget"];
export const vue: Vue = {
  "site-key": "wk_1", class: "a", "onIgrajdanin:step": event => event.detail.of.toFixed(),
  onIgrajdaninStep: event => event.detail.of.toFixed()
};
export const svelte: Svelte = {
  "site-key": "wk_1", class: "a", "onigrajdanin:step": event => event.detail.of.toFixed(),
  "onigrajdanin-step": event => event.detail.of.toFixed()
};
// @ts-expect-error
export const vueMisspelt: Vue = { "site-key": "wk_1", theme: "black" };
// @ts-expect-error
export const svelteMisspelt: Svelte = { "site-key": "wk_1", theme: "black" };
"""

APPLICATION = """
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { igrajdanin, install } from "igrajdanin-widget";
import { IgrajdaninWidget } from "igrajdanin-widget/react";

const place = document.getElementById("app");
const { api, site, link } = place.dataset;
const nonce = "n";
window.events = [];
igrajdanin("on", "ready", event => events.push([0, "igrajdanin:queued", null]));
window.installed = Promise.all([install({ api: api + "/", nonce }), install({ api, nonce })]);

function App() {
  const [drawn, draw] = useState(1);
  const hear = ({ type, detail }) => events.push([drawn, type, detail]);
  return (
    <main>
      <button id="draw" onClick={() => draw(drawn + 1)}>{drawn}</button>
      {drawn % 3 > 0 && (
        <IgrajdaninWidget
          className="report" style={{ "--igw-accent": "#0b6e4f" }} ref={element => (window.element = element)}
          siteKey={site} onReady={hear} onOpen={hear} onStep={hear} onSubmitted={hear} onError={hear} onClose={hear}
        >
          <a href={link}>Сообщить о проблеме</a>
        </IgrajdaninWidget>
      )}
    </main>
  );
}

createRoot(place).render(<StrictMode><App /></StrictMode>);
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site with the package and its frameworks in its node_modules."""
    folder = tmp_path_factory.mktemp("site")
    command = ("npm", "pack", "--json", "--pack-destination", str(folder), PACKAGE)
    (packed,) = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    with tarfile.open(folder / packed["filename"]) as archive:
        archive.extractall(folder, filter="data")
    modules = folder / "node_modules"
    modules.mkdir()
    (folder / "package").rename(modules / "igrajdanin-widget")
    (modules / "@types").mkdir()
    for name in ("react", "react-dom", "@types/react", "csstype"):
        (modules / name).symlink_to(MODULES / name)
    for name in ("svelte", "vue"):
        (modules / name).symlink_to(HOSTS / name)
    return folder


def test_the_package_contains_only_its_own_modules(site: Path) -> None:
    packed = site / "node_modules" / "igrajdanin-widget"
    files = {path.relative_to(packed).as_posix() for path in packed.rglob("*")}
    modules = {"index.js", "react.js", *(f"{name}.d.ts" for name in ("index", "react", "svelte", "vue"))}
    assert files == {"package.json", "README.md", "LICENSE", *modules}
    described = json.loads((packed / "package.json").read_text())
    named = {path for targets in described["exports"].values() for path in targets.values()}
    assert named == {f"./{module}" for module in modules}
    assert "dependencies" not in described
    assert "scripts" not in described  # nothing runs while it is being installed
    assert described["version"] == json.loads((ROOT / "dist" / "manifest.json").read_text())["version"]
    assert (packed / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_readme_lists_every_attribute_and_event(site: Path) -> None:
    readme = (site / "node_modules" / "igrajdanin-widget" / "README.md").read_text()
    documented = (ROOT / "docs" / "embedding.md").read_text()
    for rows in (r"^\| `([a-z][a-z-]+)` \|", r"`(igrajdanin:[a-z]+)`"):
        attributes_and_events = set(re.findall(rows, documented, re.MULTILINE))
        assert attributes_and_events
        assert set(re.findall(rows, readme, re.MULTILINE)) - {"api", "version", "integrity", "nonce"} == (
            attributes_and_events
        )


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("typed.tsx", TYPED),
        pytest.param("templates.ts", TYPED_TEMPLATES, marks=pytest.mark.full("needs the packages of Vue and Svelte")),
    ],
)
def test_types_reject_wrong_usage(site: Path, file: str, source: str) -> None:
    (site / file).write_text(source)
    options = {"strict": True, "noEmit": True, "jsx": "react-jsx", "module": "esnext", "moduleResolution": "bundler"}
    (site / "tsconfig.json").write_text(json.dumps({"compilerOptions": {**options, "types": []}, "files": [file]}))
    checked = subprocess.run([MODULES / ".bin/tsc", "-p", site], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_react_mounts_the_widget_gets_events_and_unmounts_it(
    new_page: NewPage, widget_site: WidgetSite, site: Path, watch: Watch
) -> None:
    (site / "application.jsx").write_text(APPLICATION)
    bundle = widget_site.folder / "npm.js"
    options = ("--bundle", "--format=esm", "--jsx=automatic", "--log-level=error", f"--outfile={bundle}")
    development = '--define:process.env.NODE_ENV="development"'
    subprocess.run([MODULES / ".bin/esbuild", "application.jsx", *options, development], cwd=site, check=True)
    link = f"{widget_site.service.url}/s/{widget_site.key}/report"
    place = (
        f'<div id="app" data-api="{widget_site.service.url}" data-site="{widget_site.key}" data-link="{link}"></div>'
    )
    page = new_page(viewport=DESKTOP)
    address = widget_site.page(f'{place}<script type="module" src="/npm.js" nonce="n"></script>', loader=False)
    with widget_site.strict_policy("script-src 'nonce-n'"):
        page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()
    page.evaluate("installed")
    assert page.locator("script[src$='/w/1/loader.js']").count() == 1
    fill_form(page)

    def draw(times: int) -> None:
        page.evaluate("document.getElementById('draw').click()")
        expect(page.locator("#draw")).to_have_text(str(times))

    draw(2)
    assert page.evaluate("[element.localName, element.className, element.style.cssText]") == [
        "igrajdanin-widget", "report", "--igw-accent: #0b6e4f;",
    ]  # fmt: skip
    send(page)
    sent = number(page)
    page.keyboard.press("Escape")
    page.wait_for_function("events.at(-1)[1] === 'igrajdanin:close'")
    recorded = page.evaluate("events.map(([drawn, type, detail]) => [drawn, type.split(':')[1], detail])")
    events = [tuple(one) for one in recorded]
    assert [name for _, name, _ in events if name != "step"] == ["ready", "queued", "open", "submitted", "close"]
    assert (1, "step", {"step": 1, "of": 4}) in events
    assert [(drawn, detail["number"]) for drawn, name, detail in events if name == "submitted"] == [(2, sent)]
    draw(3)
    expect(page.locator("igrajdanin-widget")).to_have_count(0)
    assert page.evaluate("element") is None
    # The loader is there when the next element enters the page.
    draw(4)
    page.wait_for_function("events.at(-2)[0] === 4 && events.at(-2)[1] === 'igrajdanin:ready'")
    # What is destroyed is still the application's to draw and to remove.
    page.evaluate("igrajdanin('destroy')")
    draw(5)
    draw(6)
    expect(page.locator("igrajdanin-widget")).to_have_count(0)
    assert watch.unexpected() == []
