const TEXTS=Array(133).concat(["Карта"]);
import{Fragment as t,h as e}from"./widget-606fb47.js";var s=TEXTS;export{s as texts};