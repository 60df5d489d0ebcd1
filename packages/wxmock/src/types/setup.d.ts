/// <reference types="miniprogram-api-typings" />
export {}
