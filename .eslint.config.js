import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist*/**", "node_modules/", "usher-data/", ".dependency-cruiser.cjs", ".eslint.config.js"] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "eqeqeq": "error",
      "no-console": "error",
      "prefer-const": "error"
    }
  },
  {
    ...tseslint.configs.disableTypeChecked,
    files: ["src/client/browser/*.js"],
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(
        ["AbortController", "AbortSignal", "CustomEvent", "EventTarget", "TextDecoderStream", "clearTimeout", "fetch", "performance", "setTimeout"].map((name) => [name, "readonly"]),
      ),
    },
  },
  { files: ["test/**", "bench/**"], rules: { "no-console": "off" } }
);
