const TEXTS=Array(134).concat(["Photos"]);
import{Fragment as t,h as e}from"./widget-784f8b9.js";var s=TEXTS;export{s as texts};