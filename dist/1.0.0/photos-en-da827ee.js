const TEXTS=Array(134).concat(["Photos"]);
import{Fragment as t,h as e}from"./widget-da827ee.js";var s=TEXTS;export{s as texts};