<?php
/** The component's place in the tree of the visual editor. */

if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    die();
}

use Bitrix\Main\Localization\Loc;

Loc::loadMessages(__FILE__);

$arComponentDescription = [
    'NAME'        => Loc::getMessage('IGRAJDANIN_NAME'),
    'DESCRIPTION' => Loc::getMessage('IGRAJDANIN_DESCRIPTION'),
    'SORT'        => 100,
    'PATH'        => ['ID' => 'communication'],
];
