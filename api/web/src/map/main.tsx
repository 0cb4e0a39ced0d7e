import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../shared/tokens.css";
import "./map.css";
import { MapPage } from "./MapPage";

const page = document.getElementById("page");
if (page) {
  createRoot(page).render(
    <StrictMode>
      <MapPage />
    </StrictMode>,
  );
}
