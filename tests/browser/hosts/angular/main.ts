import "@angular/compiler";
import { Component, CUSTOM_ELEMENTS_SCHEMA, provideZonelessChangeDetection, signal } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";

const { key, link, view } = document.getElementById("app")!.dataset;
const heard: unknown[] = ((window as any).heard = []);

class App {
  key = key;
  link = link;
  view = view;
  path = signal(location.search);
  drawn = signal(0);
  theme = signal<string | undefined>("light");
  lang = signal("ru");
  hear({ type, detail }: CustomEvent) {
    heard.push([type, detail]);
  }
  go(to: string) {
    history.pushState(null, "", to);
    this.path.set(to);
  }
  read() {
    this.path.set(location.search);
  }
}

// The decorator as the function it is: compiled in the browser, without Angular's own build.
Component({
  selector: "#app",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  host: { "(window:popstate)": "read()" },
  template: `
    <main [attr.data-drawn]="drawn()">
      <nav>
        <button id="away" (click)="go('?about')">О городе</button>
        <button id="back" (click)="go('?')">Главная</button>
        <button id="draw" (click)="drawn.set(drawn() + 1)">Обновить</button>
        <button id="theme" (click)="theme.set('dark')">Тёмная тема</button>
        <button id="plain" (click)="theme.set(undefined)">Обычная тема</button>
        <button id="lang" (click)="lang.set('en')">English</button>
      </nav>
      <p>Обновлено: {{ drawn() }}</p>
      @if (path() === "?about") {
        <h1>О городе</h1>
      } @else {
        <igrajdanin-widget
          [siteKey]="key" type="extended" [view]="view" [theme]="theme()" [lang]="lang()"
          (igrajdanin-ready)="hear($event)" (igrajdanin-open)="hear($event)"
          (igrajdanin-close)="hear($event)" (igrajdanin-submitted)="hear($event)"
        >
          <a [href]="link">Сообщить о проблеме</a>
        </igrajdanin-widget>
      }
      <p>Подвал {{ drawn() }}</p>
    </main>`,
})(App);

bootstrapApplication(App, { providers: [provideZonelessChangeDetection()] });
