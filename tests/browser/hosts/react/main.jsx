/** @jsxImportSource react */
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const place = document.getElementById("app");
const { key, link, view } = place.dataset;
window.heard = [];
const hear = ({ type, detail }) => heard.push([type, detail]);

function usePath() {
  const [path, setPath] = useState(location.search);
  useEffect(() => {
    const read = () => setPath(location.search);
    addEventListener("popstate", read);
    return () => removeEventListener("popstate", read);
  }, []);
  return [path, to => {
    history.pushState(null, "", to);
    setPath(to);
  }];
}

function Report({ theme, lang }) {
  return (
    <igrajdanin-widget
      site-key={key}
      type="extended"
      view={view}
      theme={theme}
      lang={lang}
      onigrajdanin:ready={hear}
      onigrajdanin:open={hear}
      onigrajdanin:close={hear}
      onigrajdanin:submitted={hear}
    >
      <a href={link}>Сообщить о проблеме</a>
    </igrajdanin-widget>
  );
}

function App() {
  const [path, go] = usePath();
  const [drawn, setDrawn] = useState(0);
  const [theme, setTheme] = useState("light");
  const [lang, setLang] = useState("ru");
  return (
    <main data-drawn={drawn}>
      <nav>
        <button id="away" onClick={() => go("?about")}>О городе</button>
        <button id="back" onClick={() => go("?")}>Главная</button>
        <button id="draw" onClick={() => setDrawn(drawn + 1)}>Обновить</button>
        <button id="theme" onClick={() => setTheme("dark")}>Тёмная тема</button>
        <button id="plain" onClick={() => setTheme(undefined)}>Обычная тема</button>
        <button id="lang" onClick={() => setLang("en")}>English</button>
      </nav>
      <p>Обновлено: {drawn}</p>
      {path === "?about" ? <h1>О городе</h1> : <Report theme={theme} lang={lang} />}
      <p>Подвал {drawn}</p>
    </main>
  );
}

createRoot(place).render(<StrictMode><App /></StrictMode>);
