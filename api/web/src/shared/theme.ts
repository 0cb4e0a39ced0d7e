/** How a page looks: for the day, for the night, for the sun on a telephone. */
export type Theme = "light" | "dark" | "contrast";

export const THEMES: Theme[] = ["light", "dark", "contrast"];

export function firstTheme(): Theme {
  const chosen = THEMES.find((theme) => theme === localStorage.getItem("theme"));
  if (chosen) return chosen;
  if (matchMedia("(prefers-contrast: more)").matches) return "contrast";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
