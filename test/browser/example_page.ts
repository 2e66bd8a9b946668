import {
  type Browser,
  type BrowserContext,
  expect as expectPage,
  type Page,
} from "playwright-core";
