/** The chunk of what others have reported near the place: comes when there is something. */

export { default as styles } from "../../shared/ui/beside.css";
export { Similar } from "./similar.tsx";
