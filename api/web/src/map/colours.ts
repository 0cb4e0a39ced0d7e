import type { Theme } from "../shared/theme";

/** Colours of tours: the number on them is white by day and black by night, each at least 4.5 : 1. */
const BY_DAY = [
  "#0b5fa5",
  "#b3261e",
  "#1b6e3c",
  "#7b2d8e",
  "#9a4a00",
  "#006a6a",
  "#a8195b",
  "#4d4fc4",
  "#6b5b00",
  "#455a64",
  "#8c3a2b",
  "#3f6212",
];
const BY_NIGHT = [
  "#6db7f2",
  "#ff9a8f",
  "#7fd49a",
  "#d39be6",
  "#ffb066",
  "#5fd0cf",
  "#f58cbc",
  "#aab0ff",
  "#d9c65a",
  "#b4c3cc",
  "#e8a394",
  "#b3d17a",
];

export function colourOf(tour: number, theme: Theme): string {
  const colours = theme === "dark" ? BY_NIGHT : BY_DAY;
  return colours[tour % colours.length] ?? "#808080";
}

export function inkOn(theme: Theme): string {
  return theme === "dark" ? "#0d1418" : "#ffffff";
}
