<?php
$MESS['IGRAJDANIN_NAME'] = 'Проблемы города';
$MESS['IGRAJDANIN_DESCRIPTION'] = 'Кнопка, с которой жители сообщают о проблеме и следят за ответом.';
