import { createApp, ref } from "vue/dist/vue.esm-bundler.js";

const place = document.getElementById("app");
const path = ref(location.search);
window.heard = [];
addEventListener("popstate", () => (path.value = location.search));

const app = createApp({
  setup() {
    const go = to => {
      history.pushState(null, "", to);
      path.value = to;
    };
    const hear = ({ type, detail }) => heard.push([type, detail]);
    return { ...place.dataset, hear, path, go, drawn: ref(0), theme: ref("light"), lang: ref("ru") };
  },
  template: `
    <main :data-drawn="drawn">
      <nav>
        <button id="away" @click="go('?about')">О городе</button>
        <button id="back" @click="go('?')">Главная</button>
        <button id="draw" @click="drawn++">Обновить</button>
        <button id="theme" @click="theme = 'dark'">Тёмная тема</button>
        <button id="plain" @click="theme = undefined">Обычная тема</button>
        <button id="lang" @click="lang = 'en'">English</button>
      </nav>
      <p>Обновлено: {{ drawn }}</p>
      <h1 v-if="path === '?about'">О городе</h1>
      <igrajdanin-widget v-else :site-key="key" type="extended" :view="view" :theme="theme" :lang="lang"
        @igrajdanin:ready="hear" @igrajdanin:open="hear" @igrajdanin:close="hear" @igrajdanin:submitted="hear">
        <a :href="link">Сообщить о проблеме</a>
      </igrajdanin-widget>
      <p>Подвал {{ drawn }}</p>
    </main>`,
});
app.config.compilerOptions.isCustomElement = tag => tag === "igrajdanin-widget";
app.mount(place);
