/** The chunk of collections: lists of the site beside its problems, where the element names some. */

export { default as styles } from "./collection.css";
export { Collections } from "./collections.tsx";
