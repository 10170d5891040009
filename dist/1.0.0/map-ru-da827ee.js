const TEXTS=Array(133).concat(["Карта"]);
import{Fragment as t,h as e}from"./widget-da827ee.js";var s=TEXTS;export{s as texts};