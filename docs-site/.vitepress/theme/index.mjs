// How the site looks: VitePress's own theme, and what pages of the API reference need beside it.
import DefaultTheme from "vitepress/theme";
import "./style.css";

export default DefaultTheme;
