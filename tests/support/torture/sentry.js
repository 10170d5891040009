// What stands on a page with Sentry's feedback form alone: without the integrations that watch the page for errors.
import { feedbackIntegration, init } from "@sentry/browser";

const { nonce, src } = document.currentScript;
const { protocol, host } = new URL(src);
init({
  dsn: `${protocol}//key@${host}/1`,
  defaultIntegrations: false,
  integrations: [feedbackIntegration({ styleNonce: nonce, scriptNonce: nonce })],
});
