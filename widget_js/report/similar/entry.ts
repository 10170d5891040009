/** The chunk of what others have reported near the place: comes when there is something. */

export { Similar } from "./similar.tsx";
