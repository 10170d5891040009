/** The chunk of the map: comes when somebody opens one. */

export { default as styles } from "./map.css";
export { CityMap } from "./overview/overview.tsx";
export { Picker } from "./picker.tsx";
export { PlaceMap } from "./place.tsx";
