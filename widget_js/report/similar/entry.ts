/** The chunk of what others have reported near the place: comes when there is something. */

import { styleSheet } from "../../shared/styles.ts";
import beside from "../../shared/ui/beside.css";

export const sheet = styleSheet(beside);
export { Similar } from "./similar.tsx";
