// @ts-check
/// <reference lib="dom" />
// Before anything is painted: the theme that was chosen before, so that the page doesn't flash.
try {
  const theme = localStorage.getItem("posemark-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is closed to some pages that are opened from a file: the system's theme holds
}
